package servertest_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/servertest"
)

// TestRecover loses two of three nodes for good. The third goes on by itself, in
// a new history, with all that it has, which is all that was acknowledged; the
// two are refused when they come back after all.
func TestRecover(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	for i := range 20 {
		if _, err := db.Append(t.Context(), firn.To(fmt.Sprintf("s-%d", i%3), firn.Any, firn.Draft{Type: "T"})); err != nil {
			t.Fatal(err)
		}
	}
	log := servertest.Agree(t, db, p.Address(0), p.Address(1), p.Address(2))
	mark := caughtUp(t, db, firn.Query{All: true, From: firn.EndPoint()})
	dir := p.Dir(2)
	recover := func(args ...string) servertest.Ran {
		return servertest.Firn(t, "", append([]string{"cluster", "recover", "-o", "json"}, args...)...)
	}
	const really = "--yes-i-lost-the-majority"
	recover("--dir", dir, "--id", "n3").Want(t, 5, "in use")
	recover("--dir", dir, "--id", "n3", really).Want(t, 5, "in use")
	for i := range 3 {
		p.Kill(i)
	}
	recover("--id", "n3").Want(t, 2, "--dir and --id")
	recover("--dir", dir, "--id", "n1").Want(t, 2, "belongs to node")
	recover("--dir", t.TempDir(), "--id", "n3", really).Want(t, 2, "not the data directory")
	before := files(t, dir)
	recover("--dir", dir, "--id", "n3").Want(t, 2, "nothing was changed", "n1, n2, n3", `"pending":`)
	if !maps.Equal(files(t, dir), before) {
		t.Error("without the flag files were changed")
	}
	recover("--dir", dir, "--id", "n3", really).Want(t, 0, fmt.Sprintf(`"position":%d,`, mark.At), "is lost")
	servertest.Firn(t, "", "verify", "--dir", dir).Want(t, 0, `"ok":true`)
	recover("--dir", dir, "--id", "n3", really).Want(t, 0, `"node":"n3"`) // as after one that was cut off

	p.Run(2)
	one := servertest.Dial(t, p.Address(2), client.Options{})
	if _, err := one.Append(t.Context(), firn.To("s-1", firn.Exists, firn.Draft{Type: "After"})); err != nil {
		t.Fatal(err)
	}
	now := servertest.Agree(t, one, p.Address(2))
	if len(now) != len(log)+1 {
		t.Errorf("there were %d events, and after one more there are %d", len(log), len(now))
	}
	for m, err := range one.Subscribe(t.Context(), firn.Query{All: true, From: firn.PositionPoint(mark.At + 1), History: mark.History}) {
		if !errors.Is(err, firn.ErrOtherHistory) {
			t.Errorf("a subscriber of the history before goes on with %+v, %v", m, err)
		}
		break
	}

	// The lost nodes are back: first as ones that were killed and do not know their
	// history yet. They are refused, are told why, and do no harm.
	p.Run(0)
	p.Run(1)
	p.AwaitLog(2, "the other history is named", func(log string) bool { return strings.Contains(log, "follows history") })
	if _, err := one.Append(t.Context(), firn.To("s-1", firn.Exists, firn.Draft{Type: "After"})); err != nil {
		t.Error(err)
	}
	if late := servertest.Agree(t, one, p.Address(2)); len(late) != len(now)+1 {
		t.Errorf("there were %d events, and after one more there are %d", len(now), len(late))
	}
}

// files returns the digest of every file below a directory, by its path.
func files(t *testing.T, dir string) map[string][sha256.Size]byte {
	t.Helper()
	all := map[string][sha256.Size]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = sha256.Sum256(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
