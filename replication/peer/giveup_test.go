package peer_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/firndb/firn/replication/peer"
)

// closing is a network on which every connection is closed by its other end,
// just when whoever dialled gives up.
type closing struct {
	peer.Network
	giveUp func()
}

func (c closing) Dial(context.Context, string) (net.Conn, error) {
	near, far := net.Pipe()
	go c.giveUp()
	go far.Close()
	return near, nil
}

// TestGivingUpWhileAHandshakeFails once ended the process: the end of the
// context and the failure of the handshake looked at one variable.
func TestGivingUpWhileAHandshakeFails(t *testing.T) {
	var running sync.WaitGroup
	defer running.Wait()
	for range 300 {
		running.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			port, err := peer.Listen(peer.Options{
				Addr: "127.0.0.1:0", Node: "a", Identity: func() peer.Identity { return peer.Identity{} },
				Network: closing{peer.TCP{}, cancel},
			})
			if err != nil {
				t.Error(err)
				return
			}
			defer port.Close()
			if _, err := port.Call(ctx, "b", "nowhere", 1, nil); err == nil {
				t.Error("a call over a closed connection was answered")
			}
		})
	}
}
