package peer_test

import (
	"testing"

	"github.com/firndb/firn/replication/peer"
)

func goodHello(t *testing.T) []byte { return helloFor(t, 2) }

func helloFor(t *testing.T, purpose uint8) []byte {
	t.Helper()
	return peer.Hello(purpose, peer.Identity{Cluster: clusterA, History: history1}, "x", "b")
}
