package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
)

// TestScrub: a node that reads its data in the background finds damage that
// nobody has read, says in which file and layer, and goes on serving the rest.
func TestScrub(t *testing.T) {
	t.Parallel()
	fs := vfs.NewMem()
	n, _ := scrubbing(t, fs)
	for i := range 200 {
		await(t, "an append", func() error {
			_, err := n.Store().Append(t.Context(), firn.To(fmt.Sprintf("s-%d", i%5), firn.Any, bulky(i)))
			return err
		})
	}
	shut(t, n) // all of it is in tables now

	n, log := scrubbing(t, fs)
	await(t, "a scrub", func() error {
		if text := log.String(); !strings.Contains(text, "read for damage") {
			return errors.New(text)
		}
		return nil
	})
	if err := n.Damage(); err != nil {
		t.Fatalf("a whole store: %v", err)
	}
	shut(t, n)

	table := spoilEvent(t, fs, rotNode, 7)
	n, _ = scrubbing(t, fs)
	defer shut(t, n)
	await(t, "damage", func() error {
		if n.Damage() == nil {
			return errors.New("none was found")
		}
		return nil
	})
	if err := n.Damage(); !errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), table) || !strings.Contains(err.Error(), "positions ") {
		t.Errorf("the damage in %s is reported as: %v", table, err)
	}
	read := 0
	whole := firn.Query{All: true, From: firn.PositionPoint(150), Consistency: firn.Consistency{Local: true}}
	for _, err := range n.Store().Read(t.Context(), whole) {
		if err != nil {
			t.Fatalf("reading what is whole: %v", err)
		}
		read++
	}
	if read < 50 {
		t.Errorf("%d events were read", read)
	}
}

// scrubbing is a node that is its whole cluster and reads its data right away.
func scrubbing(t testing.TB, fs vfs.FS) (*Node, *lines) {
	t.Helper()
	log := new(lines)
	c := Config{
		ID: embeddedID, Dir: rotNode, Bootstrap: []Member{{embeddedID, embeddedID}},
		Listen: Addresses{Peer: embeddedID}, Advertise: Addresses{Peer: embeddedID},
		CacheBytes: 16 << 20, Logger: slog.New(slog.NewTextHandler(log, nil)), Heartbeat: time.Second,
		Scrub: Scrub{Rate: 1 << 30, First: time.Millisecond},
	}
	n, err := start(c, Surroundings{FS: fs, Peers: nowhere{}, Store: engine.Settings{LayerEvents: 60}}.orMachine(&c))
	if err == nil {
		err = n.awaitReady(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return n, log
}

// shut stops a node. On a busy machine it may not be told in time that all of it
// has ended.
func shut(t testing.TB, n *Node) {
	t.Helper()
	if err := n.Close(); err != nil {
		t.Log(err)
	}
}

// await waits until something holds. The time is only there for what hangs.
func await(t testing.TB, what string, holds func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		err := holds()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// bulky is an event of bytes of its own that nothing compresses, so that it can
// be found in a table.
func bulky(i int) firn.Draft {
	d := firn.Draft{ID: rotID(i/256, i%256), Type: "T", Data: make([]byte, 2<<10)}
	rand.NewChaCha8([32]byte{0: byte(i), 1: byte(i >> 8)}).Read(d.Data)
	return d
}

// spoilEvent flips a bit of such an event where it lies in the store's tables,
// in place, as a failing disk does. It returns the name of the last one.
func spoilEvent(t testing.TB, fs vfs.FS, dir string, i int) (table string) {
	t.Helper()
	part := bulky(i).Data[100:116]
	for name, b := range snapshotOf(t, fs, dir) {
		at := bytes.Index(b, part)
		if at < 0 || kindOf(name) != "engine/data table" {
			continue
		}
		b[at] ^= 4
		overwrite(t, fs, name, b)
		table = name
	}
	if table == "" {
		t.Fatalf("event %d lies in no table", i)
	}
	return table
}

// overwrite writes over a file in place.
func overwrite(t testing.TB, fs vfs.FS, name string, b []byte) {
	t.Helper()
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	if err == nil {
		_, err = f.WriteAt(b, 0)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}
