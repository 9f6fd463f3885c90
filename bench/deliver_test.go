package bench

import (
	"context"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
)

// lossy is a store whose subscriptions leave every seventh event out.
type lossy struct{ firn.Store }

func (l lossy) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	return func(yield func(firn.Message, error) bool) {
		n := 0
		for m, err := range l.Store.Subscribe(ctx, q) {
			if n++; n%7 == 0 && m.Mark == nil && !strings.HasSuffix(m.Event.Stream, deliverEnd) {
				continue
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func TestDeliveryMissesEvents(t *testing.T) {
	o := tiny(t)
	o.Workloads, o.Clients, o.Runs, o.Duration = []string{"subscribe"}, []int{3}, 1, 20*time.Millisecond
	for _, r := range collect(t, lossy{firn.Memory()}, o) {
		if r.Workload == "subscribe" && (r.Errors != 3 || !strings.Contains(r.LastError.Error(), "did not come")) {
			t.Errorf("%d errors, the last: %v; each of 3 clients misses events", r.Errors, r.LastError)
		}
	}
}

// The latency of a delivery includes the time in which the append was held up.
func TestDeliveryLatency(t *testing.T) {
	const held = 5 * time.Millisecond
	o := tiny(t)
	o.Workloads, o.Clients, o.Runs, o.Rate = []string{"subscribe"}, []int{2}, 1, 1000
	for _, r := range collect(t, late{firn.Memory(), held}, o) {
		if r.Workload == "subscribe" && (r.Errors > 0 || r.P50us < float64(held.Microseconds())) {
			t.Errorf("p50 %v µs, %d errors; every append was held for %v", r.P50us, r.Errors, held)
		}
	}
}

// A rate that the store cannot keep does not make the run longer: what was not
// begun in its time is left out.
func TestDeliveryAboveWhatTheStoreCan(t *testing.T) {
	o := tiny(t)
	o.Rate = RateMax
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(o, late{firn.Memory(), 100 * time.Millisecond})
	m := b.deliver(t.Context(), stretch{duration: 50 * time.Millisecond, clients: 1})
	if m.errors > 0 || m.events == 0 || m.events > deliverInFlight+1 { // no append ends before the run does
		t.Errorf("%d events, %d errors (last: %v); want some, and at most %d", m.events, m.errors, m.lastError, deliverInFlight+1)
	}
}

// late is a store that appends after a while.
type late struct {
	firn.Store
	held time.Duration
}

func (l late) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	if !writes[0].Drafts[0].Occurred.IsZero() { // not what is written to be read
		time.Sleep(l.held)
	}
	return l.Store.Append(ctx, writes...)
}
