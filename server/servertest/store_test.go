package servertest_test

import (
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/storetest"
	"github.com/firndb/firn/server/servertest"
)

func TestOneNodeOverTCP(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) firn.Store { return servertest.Start(t, 1).Dial() })
}

func TestThreeNodesOverTCP(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) firn.Store { return servertest.Start(t, 3).Dial() })
}

// TestThreeNodesOverTCPRandom also stops a node and starts it again, at
// random, each in turn, the leader not excepted.
func TestThreeNodesOverTCPRandom(t *testing.T) {
	t.Parallel()
	var c *servertest.Cluster
	next := 0
	storetest.Random(t,
		func(t *testing.T) firn.Store {
			c = servertest.Start(t, 3)
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
