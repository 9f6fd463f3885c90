package tcp_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

// pipes is a network in memory with one address.
type pipes struct {
	incoming chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

func newPipes() *pipes { return &pipes{incoming: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.incoming:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7400} }

func (p *pipes) dial(ctx context.Context, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.incoming <- there:
		return here, nil
	case <-p.closed:
		return nil, errors.New("nobody listens")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestSimulated runs door and client on a network in memory and on virtual time:
// an hour of silence is survived by asking, and a node that hangs costs a call
// exactly its timeout.
func TestSimulated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newPipes()
		b := tcptest.New(firn.Memory())
		door, err := tcp.Serve(network, b, tcp.Options{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.Dial(t.Context(), "127.0.0.1:7400", client.Options{Dial: network.dial})
		if err != nil {
			t.Fatal(err)
		}
		write := func() error {
			_, err := c.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"}))
			return err
		}
		if err := write(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := door.Connections(); n != 1 {
			t.Errorf("after an hour of silence there are %d connections, want 1", n)
		}
		if err := write(); err != nil {
			t.Fatal(err)
		}

		release := make(chan struct{})
		b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
			<-release
			return b.AppendRecords(ctx, writes)
		}
		began := time.Now()
		if err := write(); !errors.Is(err, firn.ErrUnknown) {
			t.Errorf("a node that hangs: got %v, want %v", err, firn.ErrUnknown)
		}
		if took := time.Since(began); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("a node that hangs: the call took %v, want its timeout of 10 s", took)
		}
		close(release)
		c.Close()
		if err := door.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
