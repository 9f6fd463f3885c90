package history_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot"
	"github.com/firndb/firn/snapshot/history"
)

// loading is the model with one snapshot.
type loading struct {
	firn.Store
	kept *firn.Snapshot
}

func (l *loading) Load(ctx context.Context, q firn.LoadQuery) (firn.Loaded, error) {
	read := firn.Query{Stream: q.Stream, Bound: q.Bound}
	var found *firn.Snapshot
	if l.kept != nil && q.Version == l.kept.Version && !(q.Bound.Kind() == firn.PointRevision && q.Bound.Revision() < l.kept.Revision) {
		found, read.From = l.kept, firn.RevisionPoint(l.kept.Revision+1)
	}
	return firn.Loaded{Snapshot: found, Events: l.Read(ctx, read)}, nil
}

// TestOf reads a past from a store: it stays what it was while the stream goes on,
// and a snapshot that is damaged is passed over.
func TestOf(t *testing.T) {
	ctx := context.Background()
	store := &loading{Store: firn.Memory()}
	add := func(n int) {
		t.Helper()
		if _, err := store.Append(ctx, firn.To("order-42", firn.Any, firn.Draft{Type: "T", Data: fmt.Appendf(nil, `{"n":%d,"k%d":%d}`, n, n%3, n)})); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 10 {
		add(n)
	}
	version := snapshot.Merge.Version(nil)
	p, info, err := history.Of(ctx, store, snapshot.Merge, version, "order-42", firn.Point{})
	if err != nil || p.Begin != 0 || p.End != 10 || info.Position != 10 {
		t.Fatalf("%+v, %+v, %v", p, info, err)
	}
	add(10)
	for _, kept := range []*firn.Snapshot{
		nil,
		{Version: version, Revision: 4, State: []byte(`{"n":4,"k0":3,"k1":4,"k2":2}`)},
		{Version: version, Revision: 4, State: []byte(`{"n`)},
	} {
		store.kept = kept
		for end, want := range map[uint64]string{0: `{}`, 1: `{"n":0,"k0":0}`, 5: `{"n":4,"k0":3,"k1":4,"k2":2}`, 10: `{"n":9,"k0":9,"k1":7,"k2":8}`} {
			if c, err := p.Source.State(ctx, end); err != nil || string(c.State) != want {
				t.Errorf("the state at %d is %s, %v", end, c.State, err)
			}
		}
		if b, err := p.Blame(ctx, "/k1"); err != nil || b[0].Event.Revision != 7 {
			t.Errorf("%+v, %v", b, err)
		}
	}
	if _, err := store.Change(ctx, "order-42", firn.Any, firn.Truncate{Before: 6}); err != nil {
		t.Fatal(err)
	}
	if p, _, err = history.Of(ctx, store, snapshot.Merge, version, "order-42", firn.Point{}); err != nil || p.Begin != 6 || p.End != 11 {
		t.Errorf("after a truncation: %+v, %v", p, err)
	}
	if _, _, err := history.Of(ctx, store, snapshot.Merge, version, "nosuch-1", firn.Point{}); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("a stream that was never written: %v", err)
	}
}
