package bench

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server"
)

func TestMixed(t *testing.T) {
	store, err := server.Embed(t.TempDir(), server.EmbedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	o := tiny(t)
	o.Workloads, o.Clients, o.Runs, o.Duration, o.Skew = []string{"mixed"}, []int{4}, 1, 50*time.Millisecond, 1.2
	for range 2 { // the second finds what the first has written, and grown
		head, _, _ := store.Head(t.Context(), firn.Consistency{})
		r := collect(t, store, o)[0]
		if r.Errors > 0 || r.Streams != o.Streams || r.EventsPerS <= 0 || r.FloorPerS <= 0 || len(r.Kinds) != len(mixedKinds) {
			t.Errorf("%+v; want no errors, %d streams, %d kinds", r, o.Streams, len(mixedKinds))
		}
		if k := r.Kinds[0]; k.Kind != "aggregate" || k.Calls == 0 || k.P50us <= 0 {
			t.Errorf("of the aggregates: %+v", k)
		}
		if after, _, _ := store.Head(t.Context(), firn.Consistency{}); after <= head {
			t.Errorf("nothing was appended")
		}
	}
}

func TestMixedWithoutHistories(t *testing.T) {
	o := tiny(t)
	o.Workloads = []string{"mixed"}
	err := Run(t.Context(), firn.Memory(), o, func(Result) error { return nil })
	if !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), "no past states") {
		t.Errorf("got %v, want that the store shows no past states", err)
	}
}
