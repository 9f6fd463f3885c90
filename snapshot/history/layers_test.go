package history_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/enginetest"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/snapshot"
	"github.com/firndb/firn/snapshot/history"
)

// TestSnapshotsAndLayers: whatever snapshots lie in the past, thinned out or not,
// and whether its events lie in the open layer or in sealed ones, the answers are
// those of the bare events.
func TestSnapshotsAndLayers(t *testing.T) {
	r := rand.New(rand.NewPCG(testenv.Seed(t), 0))
	ctx := context.Background()
	s := enginetest.Open(t, enginetest.Options{Settings: engine.Settings{LayerEvents: 64}})
	counting := parse(t, "fold: counting\ncategory: order\ninitial: {n: 0}\non:\n  A: .n += 1 | .last = $event.data\n  B: .items[$event.data.k % 5] = $event.revision\n")
	var events []firn.Event // of order-1, as they were appended
	for _, most := range []int{40, 1300} {
		for len(events) < most {
			n := len(events)
			d := firn.Draft{Type: string(rune('A' + r.IntN(3))), Data: fmt.Appendf(nil, `{"k":%d,"at":{"n%d":%d.50}}`, r.IntN(9), r.IntN(4), n)}
			if _, err := s.Append(ctx, firn.To("order-1", firn.Any, d), firn.To(fmt.Sprintf("order-%d", 2+r.IntN(9)), firn.Any, firn.Draft{Type: "A", Data: []byte(`{}`)})); err != nil {
				t.Fatal(err)
			}
			e := event(n, d.Type, string(d.Data))
			e.Stream = "order-1"
			events = append(events, e)
		}
		for _, fold := range []snapshot.Fold{snapshot.Merge, counting} {
			states := [][]byte{nil} // by end, of the bare events
			state, err := fold.Start(nil)
			if err != nil {
				t.Fatal(err)
			}
			if states[0], err = state.JSON(); err != nil {
				t.Fatal(err)
			}
			for i := range events {
				if err := state.Apply(ctx, &events[i]); err != nil {
					t.Fatal(err)
				}
				text, err := state.JSON()
				if err != nil {
					t.Fatal(err)
				}
				states = append(states, text)
			}
			bare, _ := past(fold, events...)
			kept := 0
			for i := range events {
				if r.IntN(8) == 0 && most < 100 {
					continue
				}
				kept++
				if err := s.SaveSnapshot(ctx, firn.Snapshot{Stream: "order-1", Fold: fold.Name(), Version: fold.Version(nil), Revision: firn.Revision(i), State: states[i+1]}); err != nil {
					t.Fatal(err)
				}
			}
			loaded := 0
			for range 60 {
				end := 1 + r.IntN(len(events))
				at := firn.RevisionPoint(firn.Revision(end - 1))
				q := firn.LoadQuery{Stream: "order-1", Fold: fold.Name(), Version: fold.Version(nil), Bound: at}
				found, err := s.Load(ctx, q)
				if err != nil {
					t.Fatal(err)
				}
				if found.Snapshot != nil {
					loaded++
				}
				c, err := snapshot.Compute(ctx, fold, found.Snapshot, found.Events)
				if err != nil || string(c.State) != string(states[end]) || int(c.Revision) != end-1 {
					t.Fatalf("%s at %d of %d, from a snapshot %v: %s, %v; want %s", fold.Name(), end, len(events), found.Snapshot != nil, c.State, err, states[end])
				}
			}
			if loaded == 0 {
				t.Fatalf("%d snapshots were saved, and none was loaded", kept)
			}
			p, _, err := history.Of(ctx, s, fold, fold.Version(nil), "order-1", firn.Point{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Blame(ctx, "")
			want, wantErr := bare.Blame(ctx, "")
			if err != nil || wantErr != nil || len(got) != len(want) {
				t.Fatalf("%d fields are blamed, %v; want %d, %v", len(got), err, len(want), wantErr)
			}
			for i := range got {
				if got[i].Path != want[i].Path || !reflect.DeepEqual(got[i].Value, want[i].Value) || revisionOf(got[i].Event) != revisionOf(want[i].Event) {
					t.Fatalf("%s: %+v is blamed; want %+v", fold.Name(), got[i], want[i])
				}
			}
		}
	}
}

// revisionOf counts from 1; 0: there is no event.
func revisionOf(e *firn.EventInfo) int {
	if e == nil {
		return 0
	}
	return int(e.Revision) + 1
}
