package servertest_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/servertest"
)

// TestScavenge deletes half of what three nodes hold, and scavenges. The space
// comes back on each, the past no longer shows what was deleted, what is live is
// untouched, and revisions go on.
func TestScavenge(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 3)
	db := c.Dial()
	const streams, each = 10, 60 // a layer, which closes at 32 MiB, and a piece
	data := make([]byte, 64<<10)
	for s := range streams {
		for from := 0; from < each; from += 10 { // 640 KiB at once, which a slow machine takes in time
			w := firn.To(fmt.Sprintf("s-%d", s), firn.Any)
			for i := range 10 {
				copy(data, fmt.Sprintf("stream %d, event %d", s, from+i))
				w.Drafts = append(w.Drafts, firn.Draft{Type: "T", Data: bytes.Clone(data), ContentType: "text/plain"})
			}
			if _, err := db.Append(t.Context(), w); err != nil {
				t.Fatal(err)
			}
		}
	}
	full, _, err := db.Head(t.Context(), firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	for s := range streams / 2 {
		if _, err := db.Change(t.Context(), fmt.Sprintf("s-%d", s), firn.Exists, firn.Delete{}); err != nil {
			t.Fatal(err)
		}
	}
	could, err := db.Scavengeable(t.Context(), "", nil)
	if err != nil || could.Layers != 2 || could.Events != streams/2*each {
		t.Fatalf("could be removed: %+v, %v; want %d events", could, err, streams/2*each)
	}
	done, err := db.Scavenge(t.Context(), firn.NewID(), nil)
	if err != nil || done.Events != could.Events || done.Bytes != could.Bytes || done.Position == 0 {
		t.Fatalf("removed: %+v, %v; could be %+v", done, err, could)
	}
	for node := range 3 {
		for {
			left, err := db.Scavengeable(t.Context(), c.Address(node), nil)
			if err == nil && left.Events == 0 {
				break
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-t.Context().Done():
				t.Fatalf("node %d has not removed what is gone: %+v, %v", node, left, err)
			}
		}
	}
	count := func(q firn.Query) (n int) {
		for _, err := range db.Read(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	if n := count(firn.Query{All: true, Bound: firn.PositionPoint(full)}); n != streams/2*each {
		t.Errorf("the past shows %d events, want the %d of the streams that are live", n, streams/2*each)
	}
	if n := count(firn.Query{Stream: "s-9"}); n != each {
		t.Errorf("a live stream has %d events, want %d", n, each)
	}
	back, err := db.Append(t.Context(), firn.To("s-0", firn.None, firn.Draft{Type: "T"}))
	if err != nil || back.Writes[0].FirstRevision != each {
		t.Errorf("begun again: %+v, %v; want revision %d", back, err, each)
	}
	c.Stop(1)
	c.Run(1)
	servertest.Agree(t, db, c.Address(0), c.Address(1), c.Address(2))
}
