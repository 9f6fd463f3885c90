package replication_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn/replication"
)

// A follower has much to catch up with, and the third node is down, so that the
// leader needs that follower's answers to its heartbeats. In requests of 64
// entries the follower's disk is busy for longer than the leader's lease, and
// the leader falls; in short ones it stays. (5 MiB a second and 64 KiB an entry
// are here what 50 MiB and 512 KiB are on a machine.)
func TestCatchingUpKeepsTheLeader(t *testing.T) {
	for _, upstream := range []bool{true, false} {
		t.Run(fmt.Sprint("upstream=", upstream), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, logs := faultyCluster(t, func(r *replication.TestRules) { r.LargeRequests = upstream })
				for _, l := range logs {
					l.slow = func(bytes int) time.Duration { return time.Duration(bytes) * time.Second / (5 << 20) }
				}
				c.start()
				leader := c.write("before")
				c.agree([]string{"before"})
				want := []string{"before"}
				behind, third := c.seats[without(c.names, leader.id)[0]], c.seats[without(c.names, leader.id)[1]]
				behind.stop(true)
				for i := range 150 {
					text := fmt.Sprint("text ", i)
					if err := leader.propose(text, 64<<10); err != nil {
						t.Fatal(err)
					}
					want = append(want, text)
				}
				node, _ := leader.now()
				before := node.Raft().CurrentTerm()
				behind.start(nil)
				c.await("it is being caught up", 10*time.Second, func() bool {
					follower, _ := behind.now()
					return follower.Raft().LastIndex() > 10
				})
				third.stop(true)
				c.agree(want, leader.id, behind.id)
				if elections := node.Raft().CurrentTerm() - before; upstream != (elections > 0) {
					t.Errorf("%d elections", elections)
				}
			})
		})
	}
}
