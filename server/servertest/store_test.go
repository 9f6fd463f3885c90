package servertest_test

import (
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/storetest"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// Each noun of the suite has a store of its own, so they run side by side, as far
// as tests do: most of their time they wait.
func TestOneNodeOverTCP(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) firn.Store {
		t.Parallel()
		return servertest.Start(t, 1).Dial()
	})
}

// calm starts three nodes that leave a busy machine time before they elect: what
// is tested is what answers say. Where a leader is lost, a call over HTTP is
// refused, and a client repeats it and gets an answer that says so.
func calm(t *testing.T) *servertest.Cluster {
	return servertest.StartWith(t, 3, func(_ int, c *server.Config) { c.Heartbeat = time.Second })
}

func TestThreeNodesOverTCP(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) firn.Store {
		t.Parallel()
		return calm(t).Dial()
	})
}

// TestThreeNodesOverTCPRandom also stops a node and starts it again, at
// random, each in turn, the leader not excepted.
func TestThreeNodesOverTCPRandom(t *testing.T) {
	t.Parallel()
	var c *servertest.Cluster
	next := 0
	storetest.Random(t,
		func(t *testing.T) firn.Store {
			c = calm(t)
			return c.Dial()
		},
		400,
		storetest.Retries(), storetest.Restart(60, func(t *testing.T) firn.Store {
			c.Stop(next)
			c.Run(next)
			c.AwaitReady()
			next = (next + 1) % 3
			return c.Dial()
		}))
}
