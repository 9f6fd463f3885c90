package servertest_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

var goldenName = flag.String("golden", "", "make this golden directory in testdata/golden, as in v2: what this release writes")

// TestGolden opens what releases have written: the directory of a node that was
// killed, with entries that only its Raft log has, and a backup. Both hold what
// their listings say, and the node goes on.
func TestGolden(t *testing.T) {
	t.Parallel()
	all, err := os.ReadDir("testdata/golden")
	if err != nil || len(all) == 0 {
		t.Fatalf("there are no golden directories: %v", err)
	}
	for _, release := range all {
		golden := filepath.Join("testdata/golden", release.Name())
		t.Run(release.Name(), func(t *testing.T) {
			dir := t.TempDir()
			node, place, restored := filepath.Join(dir, "node"), filepath.Join(dir, "backup"), filepath.Join(dir, "restored")
			unpack(t, filepath.Join(golden, "node.tar.gz"), node)
			servertest.Firn(t, "", "verify", "--dir", node).Want(t, 0, `"ok":true`)
			holds(t, node, filepath.Join(golden, "node.txt"))
			unpack(t, filepath.Join(golden, "backup.tar.gz"), place)
			servertest.Firn(t, "", "backup", place, "--verify").Want(t, 0)
			servertest.Firn(t, "", "restore", place, "--to", restored).Want(t, 0)
			holds(t, restored, filepath.Join(golden, "backup.txt"))
		})
	}
}

// TestGoldenIsMade makes a golden directory where it is asked for one, and else
// one that is thrown away, as the next release would find it.
func TestGoldenIsMade(t *testing.T) {
	t.Parallel()
	golden := filepath.Join(t.TempDir(), "new")
	if *goldenName != "" {
		golden = filepath.Join("testdata/golden", *goldenName)
		if _, err := os.Stat(golden); err == nil {
			t.Fatalf("%s is there already; what a release has written never changes", golden)
		}
	}
	if err := os.MkdirAll(golden, 0o755); err != nil {
		t.Fatal(err)
	}
	p := servertest.Spawn(t, 1)
	db, place := p.Dial(), filepath.Join(t.TempDir(), "backup")
	history(t, db, p.Addresses)
	token := defineUser(t, db, "ann", firn.RoleAdmin)
	db = p.DialWith(client.Options{Token: token})
	servertest.Firn(t, "", "backup", place, "--addr", p.Addresses, "--token", token).Want(t, 0)
	listed := contentsOf(t, db)
	write(t, filepath.Join(golden, "backup.txt"), listed)
	for i := range 5 { // that only the Raft log holds when the node is killed
		append1(t, db, fmt.Sprintf("late-%d", i%2))
	}
	write(t, filepath.Join(golden, "node.txt"), contentsOf(t, db))
	p.Kill(0)
	pack(t, p.Dir(0), filepath.Join(golden, "node.tar.gz"))
	pack(t, place, filepath.Join(golden, "backup.tar.gz"))
	if whole := servertest.Firn(t, "", "dump", p.Dir(0)); *goldenName != "" {
		for _, kind := range []string{"event", "index", "layer", "life", "order", "ids", "removed", "meta", "definition", "group", "snapshots", "snapshot"} {
			if !strings.Contains(whole.Out, "\nengine "+kind+" ") && !strings.HasPrefix(whole.Out, "engine "+kind+" ") {
				t.Errorf("the store holds no %s", kind)
			}
		}
	}
	if info, err := os.Stat(filepath.Join(golden, "node.tar.gz")); err != nil || info.Size() > 300<<10 {
		t.Errorf("the node's directory takes %v bytes: %v", info.Size(), err)
	}
}

// history gives a store something of every kind.
func history(t *testing.T, db *client.Client, address string) {
	t.Helper()
	for i := range 60 {
		w := firn.To(fmt.Sprintf("order-%d", i%4), firn.Any, firn.Draft{Type: "Placed", Data: fmt.Appendf(nil, `{"n":%d,"price":1%d.10}`, i, i), Metadata: []byte(`{"by":"golden"}`)})
		if i%5 == 0 {
			w.Drafts = append(w.Drafts, firn.Draft{Type: "Noted", Schema: 2, ContentType: "text/plain", Data: []byte("größer"), CorrelationID: "c-1", CausationID: "c-0"})
		}
		if _, err := db.Append(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	fold := filepath.Join(t.TempDir(), "fold.yaml")
	write(t, fold, "fold: cart\ncategory: order\ninitial: {}\non: {\"*\": merge}\n")
	for _, args := range [][]string{
		{"fold", "create", fold},
		{"delete", "order-3"}, {"truncate", "order-1", "--before", "4", "--yes"}, {"metadata", "order-0", "--max-count", "1000"},
		{"metadata", "--category", "other", "--max-count", "7"},
		{"group", "create", "mail", "--category", "order"}, {"consume", "mail", "--exec", "cat", "--until-caught-up"},
		{"scavenge"},
	} {
		servertest.Firn(t, "", append(args, "--addr", address)...).Want(t, 0)
	}
	err := db.SaveSnapshot(t.Context(), firn.Snapshot{Stream: "order-0", Fold: "kept", Version: goldenFold, Revision: 5, State: []byte(`{"n":5}`)})
	if err != nil {
		t.Fatal(err)
	}
	append1(t, db, "order-3") // which begins again, in a layer that is open
}

var goldenFold = firn.FoldVersion{1, 2, 3}

// holds starts a node on a directory, holds it against a listing, and goes on.
func holds(t *testing.T, dir, listed string) {
	t.Helper()
	at := server.Addresses{Client: servertest.FreeAddress(t), Peer: servertest.FreeAddress(t)}
	n, err := server.Start(server.Config{
		ID: "n1", Dir: dir, Listen: at, Bootstrap: []server.Member{{ID: "n1", Peer: at.Peer}},
		CacheBytes: 64 << 20, Scavenge: server.Scavenge{Off: true}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}()
	awaitServing(t, n)
	want, err := os.ReadFile(listed)
	if err != nil {
		t.Fatal(err)
	}
	if got := contentsOf(t, n.Store()); got != string(want) {
		t.Errorf("%s:\n%s\nwant\n%s", listed, got, want)
	}
	if _, err := n.Store().Append(t.Context(), firn.To("order-0", firn.Exists, firn.Draft{Type: "After"})); err != nil {
		t.Error(err)
	}
}

// listed is what a listing asks of a store.
type listed interface {
	firn.Store
	firn.Snapshots
	firn.Groups
	firn.Definitions
}

// contentsOf is what a store holds, as text.
func contentsOf(t *testing.T, db listed) string {
	t.Helper()
	var text strings.Builder
	for e, err := range db.Read(t.Context(), firn.Query{All: true, System: true}) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%d %s@%d %s %s/%d %d of %d %s by %q %q/%q %s %s %s\n", e.Position, e.Stream, e.Revision, e.ID, e.Type, e.Schema, e.Index, e.Count,
			e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), e.Actor, e.CorrelationID, e.CausationID, e.ContentType, e.Data, e.Metadata)
	}
	for s, err := range db.Streams(t.Context(), firn.StreamQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "stream %s: state %v, last %d, first %d, %d events, %d bytes, at most %d\n", s.Name, s.State, s.Revision, s.FirstRevision, s.Events, s.Bytes, s.MaxCount)
	}
	for _, class := range []firn.DefinitionClass{firn.FoldDefinition, firn.UserDefinition} {
		all, err := db.Definitions(t.Context(), class, firn.Point{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range all {
			fmt.Fprintf(&text, "definition %s %d @%d: %s\n", d.Name, d.Version, d.Position, d.Source)
		}
	}
	groups, err := db.Groups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		fmt.Fprintf(&text, "group %s\n", g.Name)
	}
	loaded, err := db.Load(t.Context(), firn.LoadQuery{Stream: "order-0", Fold: "kept", Version: goldenFold})
	if err != nil || loaded.Snapshot == nil {
		t.Fatalf("there is no snapshot: %v", err)
	}
	tail := 0
	for _, err := range loaded.Events {
		if err != nil {
			t.Fatal(err)
		}
		tail++
	}
	fmt.Fprintf(&text, "snapshot at %d: %s, and %d events\n", loaded.Snapshot.Revision, loaded.Snapshot.State, tail)
	return text.String()
}

func awaitServing(t *testing.T, n *server.Node) {
	t.Helper()
	for n.Ready(t.Context()) != nil {
		select {
		case <-n.Failed():
			t.Fatal(n.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// pack writes the files below a directory into an archive, but for the ballast and
// the locks.
func pack(t *testing.T, dir, path string) {
	t.Helper()
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	w := tar.NewWriter(z)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "ballast" || e.Name() == "LOCK" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		err = w.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Mode: 0o600, Size: int64(len(content))})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	})
	if err := errors.Join(err, w.Close(), z.Close(), os.WriteFile(path, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func unpack(t *testing.T, path, dir string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		to := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, content, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}
