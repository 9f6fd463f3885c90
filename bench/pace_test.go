package bench

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
)

// A store that stands still once makes everything wait that is due meanwhile: it
// counts for each of these calls, not for one.
func TestArrivalsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		m := drive(t.Context(), stretch{duration: time.Second, clients: 1, arrivals: 100}, func(int) call {
			return func(_ context.Context, lap func(int) bool) error {
				if calls++; calls == 10 {
					time.Sleep(500 * time.Millisecond)
				}
				lap(1)
				return nil
			}
		})
		if m.events != 100 || m.unmade != 0 {
			t.Errorf("%d calls, %d were not begun; want 100 and none", m.events, m.unmade)
		}
		if p50, p90 := quantile(m.latencies, 50), quantile(m.latencies, 90); p50 > 100 || p90 < 390_000 {
			t.Errorf("p50 %v µs, p90 %v µs; half of the calls waited for up to 500 ms", p50, p90)
		}
	})
}

// What was due and not begun in its time is said, and has waited.
func TestArrivalsAboveWhatTheStoreCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := drive(t.Context(), stretch{duration: time.Second, clients: 2, arrivals: 1000}, func(int) call {
			return func(_ context.Context, lap func(int) bool) error {
				time.Sleep(100 * time.Millisecond)
				lap(1)
				return nil
			}
		})
		if m.events != 20 || m.unmade != 980 || m.latencies.TotalCount() != 1000 || m.elapsed > 1100*time.Millisecond {
			t.Errorf("%d calls, %d not begun, %d latencies, %v; want 20, 980, 1000, no longer than the run", m.events, m.unmade, m.latencies.TotalCount(), m.elapsed)
		}
		if p50 := quantile(m.latencies, 50); p50 < 400_000 {
			t.Errorf("p50 %v µs; half of the calls waited for half a second and more", p50)
		}
	})
}

// With arrivals it is the median latency that is held against the floor's.
func TestArrivals(t *testing.T) {
	o := tiny(t)
	o.Workloads, o.Clients, o.Arrivals = []string{"append"}, []int{8}, 2000
	r := collect(t, firn.Memory(), o)[0]
	if r.Errors > 0 || r.Arrivals != 2000 || r.FloorUs <= 0 || r.FloorPerS != 0 || r.Ratio <= 0 || r.EventsPerS <= 0 {
		t.Errorf("got %+v", r)
	}
}
