package tcp_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

// elected is a node that knows who leads.
type elected struct {
	*tcptest.Backend
	leader atomic.Pointer[wire.NodeStatus]
}

func (e *elected) Status(context.Context) (wire.ClusterStatus, error) {
	leader := e.leader.Load()
	return wire.ClusterStatus{Leader: leader.ID, Term: 2, Nodes: []wire.NodeStatus{*leader}}, nil
}

// TestAPausedLeader: the leader has taken an append and says nothing more. Once
// another node leads, the client goes there, and does not wait until it would
// give up a node for its silence alone, which is four seconds. As long as nobody
// else leads, it stays.
func TestAPausedLeader(t *testing.T) {
	const paused, next = "10.0.0.1:7400", "10.0.0.2:7400"
	synctest.Test(t, func(t *testing.T) {
		network := map[string]*pipes{paused: newPipes(), next: newPipes()}
		var connected atomic.Int32
		go func() {
			for {
				nc, err := network[paused].Accept()
				if err != nil {
					return
				}
				connected.Add(1)
				go func() {
					defer nc.Close()
					io.Copy(io.Discard, nc)
				}()
				go nc.Write(wire.AppendFrame(nil, 0, &wire.Welcome{Version: 1, Limits: wire.DefaultLimits(), Node: "a", Leader: paused}))
			}
		}()
		b := &elected{Backend: tcptest.New(firn.Memory())}
		b.leader.Store(&wire.NodeStatus{ID: "a", Address: paused})
		door, err := tcp.Serve(network[next], b, tcp.Options{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.Dial(t.Context(), paused+","+next, client.Options{
			Dial: func(ctx context.Context, address string) (net.Conn, error) {
				return network[address].dial(ctx, address)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(1500*time.Millisecond, func() { b.leader.Store(&wire.NodeStatus{ID: "b", Address: next}) })
		began := time.Now()
		if _, err := c.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"})); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 1500*time.Millisecond || took > 2*time.Second {
			t.Errorf("the append took %v, and the next leader was elected after 1.5 s", took)
		}
		if n := connected.Load(); n != 1 {
			t.Errorf("the paused node was connected to %d times", n)
		}
		c.Close()
		network[paused].Close()
		if err := door.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
