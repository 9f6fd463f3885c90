package servertest_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server/servertest"
)

// impatient is a client that soon says what it does not know, so that its
// caller has to deal with it.
var impatient = client.Options{Timeout: 400 * time.Millisecond, KeepAlive: 200 * time.Millisecond}

// loaded starts eight clients on a cluster of processes: four on one patient
// client, four on one that gives up soon.
func loaded(t *testing.T, p *servertest.Processes) *servertest.Load {
	return servertest.StartLoad(t, 8, p.DialWith(impatient), firn.Store(p.Dial()))
}

// TestNodesAreKilled kills the leader, then nodes at random, while clients
// append, and starts each again.
func TestNodesAreKilled(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	load := loaded(t, p)
	random := rand.New(rand.NewPCG(testenv.Seed(t), 0))
	for round := range servertest.Rounds(4, 40) {
		load.Await(50)
		victim := random.IntN(3)
		if round%2 == 0 {
			victim = p.Leader(t.Context(), db)
		}
		p.Kill(victim)
		load.Await(50)
		p.Run(victim)
	}
	load.Await(50)
	load.Stop()
	load.Check(servertest.Agree(t, db, p.Nodes()...))
}

// TestPowerCut kills all nodes at once while clients append.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	load := loaded(t, p)
	for range servertest.Rounds(2, 20) {
		load.Await(100)
		p.KillAll()
		for i := range 3 {
			p.Run(i)
		}
	}
	load.Await(100)
	load.Stop()
	load.Check(servertest.Agree(t, db, p.Nodes()...))
}
