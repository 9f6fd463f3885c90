package raftlog

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/dump"
)

// TestDump prints a log of which an entry and a value were replaced by others.
func TestDump(t *testing.T) {
	fs := vfs.NewMem()
	log, err := Open("raft", Options{FS: fs, OnFatal: func(error) {}})
	if err != nil {
		t.Fatal(err)
	}
	members := raft.EncodeConfiguration(raft.Configuration{Servers: []raft.Server{{ID: "n1", Address: "a:1"}}})
	err = errors.Join(
		log.SetUint64([]byte("CurrentTerm"), 7), log.Set([]byte("FirnDisk"), []byte{0xff, 1}),
		log.StoreLogs([]*raft.Log{
			{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: members},
			{Index: 2, Term: 7, Type: raft.LogNoop},
			{Index: 3, Term: 7, Data: []byte("three")},
			{Index: 4, Term: 7, Data: []byte("four")},
		}),
		log.recordSnapshot(raft.SnapshotMeta{Index: 2, Term: 7, ConfigurationIndex: 1}),
		log.db.Set(entryKey(3), []byte("too short"), pebble.Sync),
		log.db.Set([]byte("sLost"), []byte("another"), pebble.Sync),
		log.db.Set([]byte("x"), nil, pebble.Sync),
		log.Close(),
	)
	if err != nil {
		t.Fatal(err)
	}
	run := func(from uint64) string {
		t.Helper()
		var text strings.Builder
		err := Dump(context.Background(), "raft", fs, from, func(l *dump.Line) error {
			text.Write(l.AppendText(nil))
			text.WriteByte('\n')
			return nil
		}, func(index uint64, data []byte) error {
			text.WriteString("command " + string(data) + "\n")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	const want = `raft entry index=1 term=1 type="configuration" appended=null bytes=39 members=["n1=a:1 Voter"] key="650000000000000001"
raft entry index=2 term=7 type="no-op" appended=null bytes=0 key="650000000000000002"
raft entry index=3 damage="too short" key="650000000000000003"
raft entry index=4 term=7 type="command" appended=null bytes=4 key="650000000000000004"
command four
raft format value=1 key="66"
raft snapshot index=2 term=7 configuration_index=1 members=[] key="6d736e617073686f74"
raft stable name="CurrentTerm" value=7 key="7343757272656e745465726d"
raft stable name="FirnDisk" value="ff01" key="734669726e4469736b"
raft stable name="Lost" damage="its checksum does not fit its bytes" key="734c6f7374"
raft batches value=4 key="77"
raft unknown damage="no key of this release begins so" key="78"
`
	if got := run(0); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := run(4); !strings.HasPrefix(got, "raft entry index=4 ") {
		t.Errorf("from entry 4 on: %s", got)
	}
	if err := Dump(context.Background(), "nowhere", fs, 0, nil, nil); !errors.Is(err, firn.ErrDamaged) {
		t.Error(err)
	}
}
