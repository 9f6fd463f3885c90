package tcp_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/wire"
)

// raw is a client that speaks frame by frame, so that it can misbehave.
type raw struct {
	t  testing.TB
	nc net.Conn
	in *bufio.Reader
}

// patience is how long a test waits for what must come.
const patience = time.Minute

func rawDial(t testing.TB, door *tcp.Server) *raw {
	t.Helper()
	nc, err := net.Dial("tcp", door.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetReadDeadline(time.Now().Add(patience))
	return &raw{t, nc, bufio.NewReader(nc)}
}

// connected is rawDial with the handshake behind it.
func connected(t testing.TB, door *tcp.Server) *raw {
	t.Helper()
	r := rawDial(t, door)
	r.write([]byte(wire.Magic))
	r.send(0, &wire.Hello{VersionMin: 1, VersionMax: 1})
	if _, ok := r.receive().(*wire.Welcome); !ok {
		t.Fatal("no Welcome")
	}
	return r
}

func (r *raw) write(b []byte) {
	r.t.Helper()
	if _, err := r.nc.Write(b); err != nil {
		r.t.Fatal(err)
	}
}

func (r *raw) send(call uint64, m wire.Message) {
	r.t.Helper()
	r.write(wire.AppendFrame(nil, call, m))
}

// frame returns the next frame. The error is the connection's.
func (r *raw) frame() (wire.Header, []byte, error) {
	h, err := wire.ReadHeader(r.in)
	if err != nil {
		return h, nil, err
	}
	body := make([]byte, h.BodyBytes)
	_, err = io.ReadFull(r.in, body)
	return h, body, err
}

func (r *raw) receive() wire.Message {
	r.t.Helper()
	h, body, err := r.frame()
	if err != nil {
		r.t.Fatalf("waiting for a frame: %v", err)
	}
	m, err := wire.Parse(h.Kind, body)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

// refused expects an error of the kind on the call, with a message.
func (r *raw) refused(call uint64, kind firn.Kind) *firn.Error {
	r.t.Helper()
	h, body, err := r.frame()
	if err != nil {
		r.t.Fatalf("waiting for the error %v: %v", kind, err)
	}
	m, err := wire.Parse(h.Kind, body)
	e, ok := m.(*wire.Error)
	if err != nil || !ok || h.Call != call || e.Err.Kind != kind || e.Err.Message == "" {
		r.t.Fatalf("got %v on call %d: %+v (%v), want the error %v on call %d", h.Kind, h.Call, m, err, kind, call)
	}
	return e.Err
}

// ended expects the connection to end.
func (r *raw) ended() {
	r.t.Helper()
	h, _, err := r.frame()
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		r.t.Fatalf("the connection is still open: %v, %v", h, err)
	}
}

// works makes a call, to show that the connection still answers.
func (r *raw) works() {
	r.t.Helper()
	r.send(999, &wire.Head{})
	if _, ok := r.receive().(*wire.HeadAt); !ok {
		r.t.Fatal("no HeadAt")
	}
}
