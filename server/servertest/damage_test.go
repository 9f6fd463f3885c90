package servertest_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// TestDamageIsNeverServed flips one bit of a stopped node's data, anywhere.
// Either that is found, by verify or by the node that refuses to start, or it
// was where nothing is kept: then all is there as it was.
func TestDamageIsNeverServed(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 1)
	load := loaded(t, p)
	load.Await(300)
	load.Stop()
	p.Stop(0) // some of it is in tables now
	p.Run(0)
	db := p.Dial()
	fill(t, db, &load.Ledger)
	whole := servertest.Agree(t, db, p.Nodes()...)
	load.Check(whole)
	p.Kill(0) // and the rest only in the Raft log
	servertest.Firn(t, "", "verify", "--dir", copied(t, p.Dir(0))).Want(t, 0, `"ok":true`)

	random := rand.New(rand.NewPCG(testenv.Seed(t), 0))
	found, harmless := 0, 0
	for i := range servertest.Rounds(8, 400) {
		dir := copied(t, p.Dir(0))
		// Many files hold little that anybody reads; every other flip is in a table.
		where := flip(t, random, dir, i%2 == 0)
		r, err := server.VerifyDir(t.Context(), dir, nil)
		if err != nil || len(r.Faults) > 0 {
			found++
			continue
		}
		harmless++
		if log := served(t, dir); log != nil && !equal(log, whole) {
			t.Errorf("%s: a flipped bit was not found by verify, and %d events are served that are not the %d appended", where, len(log), len(whole))
		}
	}
	t.Logf("of %d flipped bits verify has found %d", found+harmless, found)
	if found == 0 {
		t.Error("verify has found none; the test shows nothing")
	}
}

// TestVerifyReportsDamage flips a bit in the middle of each table, and of the
// Raft log that is being written. The command line ends with status 7, and the
// node refuses to start, or says so to whoever reads there.
func TestVerifyReportsDamage(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 1)
	db := p.Dial()
	var ledger check.Ledger
	fill(t, db, &ledger)
	p.Stop(0)
	p.Run(0)
	append1(t, p.Dial(), "order-1") // little, so that the write-ahead log it is in is the last one
	p.Stop(0)                       // by itself, so that each table that is there is one that is used
	var files []string
	for _, pattern := range []string{"engine/data/*.sst", "raft/*.sst", "raft/*.log"} {
		matching, err := filepath.Glob(filepath.Join(p.Dir(0), pattern))
		if err != nil || len(matching) == 0 {
			t.Fatalf("there is no %s: %v", pattern, err)
		}
		if strings.HasSuffix(pattern, ".log") {
			matching = matching[len(matching)-1:] // Pebble keeps old ones to write them again
		}
		files = append(files, matching...)
	}
	for _, path := range files {
		name, err := filepath.Rel(p.Dir(0), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, p.Dir(0))
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b[len(bytes.TrimRight(b, "\x00"))/2] ^= 0x10
			write(t, filepath.Join(dir, name), string(b))
			servertest.Firn(t, "", "verify", "--dir", dir).Want(t, 7)
		})
	}
}

// flip flips one bit of one file of the store or of the Raft log; if so asked,
// of one of their tables.
func flip(t *testing.T, random *rand.Rand, dir string, table bool) (where string) {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && filepath.Dir(path) != dir && (!table || filepath.Ext(path) == ".sst") {
			if info, _ := e.Info(); info.Size() > 0 {
				files = append(files, path)
			}
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	path := files[random.IntN(len(files))]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at, bit := random.IntN(max(1, len(bytes.TrimRight(b, "\x00")))), random.IntN(8)
	b[at] ^= 1 << bit
	write(t, path, string(b))
	return fmt.Sprintf("%s, bit %d of byte %d of %d", path[len(dir)+1:], bit, at, len(b))
}

// served starts a node on the directory and returns what it serves, nil where
// it refuses to start or to answer.
func served(t *testing.T, dir string) []firn.Event {
	t.Helper()
	at := server.Addresses{Client: servertest.FreeAddress(t), Peer: servertest.FreeAddress(t)}
	n, err := server.Start(server.Config{ID: "n1", Dir: dir, Listen: at, CacheBytes: 64 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil
	}
	defer n.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for n.Ready(ctx) != nil {
		select {
		case <-n.Failed():
			return nil
		case <-ctx.Done():
			t.Errorf("a damaged node neither starts nor fails")
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
	var log []firn.Event
	for e, err := range n.Store().Read(t.Context(), firn.Query{All: true, System: true}) {
		if err != nil {
			return nil
		}
		log = append(log, e)
	}
	return log
}

func equal(a, b []firn.Event) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Stream != b[i].Stream || a[i].Revision != b[i].Revision || a[i].ID != b[i].ID || !bytes.Equal(a[i].Data, b[i].Data) {
			return false
		}
	}
	return true
}
