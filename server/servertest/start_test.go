package servertest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/servertest"
)

// TestElection holds that three processes elect within two seconds of being
// started. On a machine that does much else at the same time it may take
// longer, and only more than three times that is an error.
func TestElection(t *testing.T) {
	t.Parallel()
	servertest.Binary(t)
	start := time.Now()
	servertest.Spawn(t, 3)
	took := time.Since(start)
	t.Logf("three processes answer %v after they were started", took.Round(time.Millisecond))
	if took > 6*time.Second {
		t.Errorf("three processes answer after %v, want less than 2 s", took)
	}
}

// TestLeaderIsStopped stops one leader after the other with SIGTERM, while a
// client appends one event after the other. It soon gives an append up; then it
// waits for the next leader. Leadership is handed on, so that happens at most
// once a node.
func TestLeaderIsStopped(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	patient := p.Dial()
	hasty := p.DialWith(client.Options{Timeout: 300 * time.Millisecond})
	var ledger servertest.Ledger
	for range servertest.Rounds(2, 10) {
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
			if ledger.Add(writes, told, err) != servertest.Done {
				t.Error(err)
			}
		}
		if status := <-stopped; status != 0 {
			t.Errorf("the leader ended with exit status %d", status)
		}
		if givenUp > 1 {
			t.Errorf("%d appends were not answered within 300 ms while the leader was stopped", givenUp)
		}
		p.Run(leader)
	}
	if err := ledger.Check(servertest.Agree(t, patient, p.Nodes()...)); err != nil {
		t.Error(err)
	}
}
