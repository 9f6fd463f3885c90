package servertest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/server/servertest"
)

// TestLeaderIsStopped stops one leader after the other with SIGTERM, while a
// client appends one event after the other. It gives an append up after a third
// of the time in which the others would stand for election; then it waits for
// the next leader. Leadership is handed on, so that happens at most once a node;
// where it was more, it may have been the machine, and is tried again.
func TestLeaderIsStopped(t *testing.T) {
	t.Parallel()
	const timeout = time.Second
	p := servertest.Spawn(t, 3, "--heartbeat", "3s")
	patient := p.Dial()
	hasty := p.DialWith(client.Options{Timeout: timeout})
	var ledger check.Ledger
	for left, busy := servertest.Rounds(2, 10), 0; left > 0; left-- {
		leader := p.Leader(t.Context(), patient)
		stopped := make(chan int, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			status, _ := p.Stop(leader)
			stopped <- status
		}()
		givenUp := 0
		for i := 0; ctx.Err() == nil || i < 20; i++ {
			writes := []firn.Write{firn.To("order-1", firn.Any, firn.Draft{ID: firn.NewID(), Type: "T", Data: fmt.Appendf(nil, "%d", i)})}
			told, err := hasty.Append(t.Context(), writes...)
			if err != nil {
				t.Logf("an append was answered with: %v", err)
				givenUp++
				told, err = patient.Append(t.Context(), writes...)
			}
			if ledger.Add(writes, told, err) != check.Done {
				t.Error(err)
			}
		}
		if status := <-stopped; status != 0 {
			t.Errorf("the leader ended with exit status %d", status)
		}
		if givenUp > 1 {
			t.Logf("%d appends were not answered within %v while the leader was stopped", givenUp, timeout)
			if left, busy = left+1, busy+1; busy == 5 {
				t.Fatal("so it was five times")
			}
		}
		p.Run(leader, "--heartbeat", "3s")
	}
	if err := ledger.Check(servertest.Agree(t, patient, p.Nodes()...)); err != nil {
		t.Error(err)
	}
}
