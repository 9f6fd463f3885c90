package tcp_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

// tireless always has a next step, of an event of 1,000 bytes, and says when it
// rests and when it is closed.
type tireless struct {
	bytes          []byte
	resting, ended chan struct{}
}

func newTireless() *tireless {
	return &tireless{
		bytes:   record.Encode(&firn.Event{Stream: "s", Position: 1, Count: 1, ID: firn.NewID(), Type: "T", ContentType: firn.JSON, Data: make([]byte, 1000)}),
		resting: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

func (s *tireless) Next(ctx context.Context) (tcp.Step, error) {
	return tcp.Step{Events: []record.Stored{{Stream: "s", Position: 1, Bytes: s.bytes}}, More: true}, ctx.Err()
}

func (s *tireless) Rest()  { s.resting <- struct{}{} }
func (s *tireless) Close() { close(s.ended) }

// TestSubscriptionRests: a client that grants no more credit is sent no more,
// what is held for it is let go, other calls go on, and so does it once it
// grants some.
func TestSubscriptionRests(t *testing.T) {
	b, from := tcptest.New(firn.Memory()), newTireless()
	b.OnSubscribe = func(context.Context, firn.Query) (tcp.Subscription, error) { return from, nil }
	door := tcptest.Serve(t, b, tcp.Options{})
	r := connected(t, door)
	const granted = 600 << 10
	r.send(1, &wire.Subscribe{Query: firn.Query{All: true}, Credit: granted})
	sent := 0
	for sent < granted {
		h, body, err := r.frame()
		if err != nil || h.Kind != wire.KindEvents {
			t.Fatalf("got %v (%v)", h, err)
		}
		sent += wire.HeaderBytes + len(body)
	}
	if over := sent - granted; over > 300<<10 {
		t.Errorf("%d bytes were sent over the credit", over)
	}
	select {
	case <-from.resting:
	case <-time.After(patience):
		t.Fatal("it does not rest while the client grants nothing")
	}
	r.works() // and nothing else comes in between
	r.send(1, &wire.Credit{Bytes: uint64(sent-granted) + 1})
	if m := r.receive(); m.Kind() != wire.KindEvents {
		t.Fatalf("after further credit comes %v", m.Kind())
	}
	r.send(1, &wire.Plain{Is: wire.KindCancel})
	r.refused(1, firn.ErrUnavailable)
	<-from.ended
}

// TestClosingEndsSubscriptions: a door that closes does not wait for them; each
// ends with an error that sends its client elsewhere.
func TestClosingEndsSubscriptions(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door, err := tcp.Serve(l, tcptest.New(firn.Memory()), tcp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := connected(t, door)
	r.send(1, &wire.Subscribe{Query: firn.Query{All: true}, Credit: 1 << 20}) // waits for events
	r.send(2, &wire.Subscribe{Query: firn.Query{All: true}})                  // waits for credit
	r.send(0, &wire.Plain{Is: wire.KindPing})                                 // whose answer says that both have begun
	marks, pongs := 0, 0
	for range 2 {
		switch m := r.receive().(type) {
		case *wire.Marks:
			marks++
		case *wire.Plain:
			if m.Is == wire.KindPong {
				pongs++
			}
		}
	}
	if marks != 1 || pongs != 1 {
		t.Fatalf("got %d frames of marks and %d pongs, want one of each", marks, pongs)
	}
	closed := make(chan error, 1)
	go func() { closed <- door.Close(t.Context()) }()
	if m := r.receive(); m.Kind() != wire.KindGoodbye {
		t.Fatalf("got %v, want Goodbye", m.Kind())
	}
	for range 2 {
		e, ok := r.receive().(*wire.Error)
		if !ok || e.Err.Kind != firn.ErrUnavailable {
			t.Fatalf("got %+v, want the error %v", e, firn.ErrUnavailable)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// TestEventsBeforeMarks: what a step holds comes in order, however small the
// client's frames.
func TestEventsBeforeMarks(t *testing.T) {
	b := tcptest.New(firn.Memory())
	small := clientOptions()
	small.WindowBytes = 4 << 10
	door := tcptest.Serve(t, b, tcp.Options{Limits: wire.Limits{FrameBytes: 4 << 10}})
	c := dial(t, door.Addr().String(), small)
	for range 20 {
		if _, err := c.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T", Data: make([]byte, 1500), ContentType: "x"})); err != nil {
			t.Fatal(err)
		}
	}
	next := firn.Position(1)
	for m, err := range c.Subscribe(t.Context(), firn.Query{All: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Mark != nil {
			if m.Mark.At != 20 || next != 21 {
				t.Errorf("caught up at %d, with %d the next to come", m.Mark.At, next)
			}
			break
		}
		if m.Event.Position != next {
			t.Fatalf("event %d comes where %d is due", m.Event.Position, next)
		}
		next++
	}
}
