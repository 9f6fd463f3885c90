package tcp_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"net"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

// endless yields the same event for ever, and says when it was stopped.
func endless(stopped chan<- struct{}) func(context.Context, firn.Query) iter.Seq2[record.Stored, error] {
	bytes := record.Encode(&firn.Event{Stream: "s", Position: 1, Count: 1, ID: firn.NewID(), Type: "T", ContentType: firn.JSON, Data: make([]byte, 1000)})
	return func(ctx context.Context, q firn.Query) iter.Seq2[record.Stored, error] {
		return func(yield func(record.Stored, error) bool) {
			defer close(stopped)
			for yield(record.Stored{Stream: "s", Position: 1, Bytes: bytes}, nil) {
			}
		}
	}
}

// TestCredit: a read sends as much as it was granted, one frame over at most,
// and goes on when it is granted more; other calls do not wait for it.
func TestCredit(t *testing.T) {
	b := tcptest.New(firn.Memory())
	stopped := make(chan struct{})
	b.OnRecords = endless(stopped)
	door := tcptest.Serve(t, b, tcp.Options{})
	r := connected(t, door)
	const granted = 600 << 10 // more than two frames, less than three
	r.send(1, &wire.Read{Query: firn.Query{Stream: "s"}, Credit: granted})
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
	r.works() // and nothing else comes in between
	r.send(1, &wire.Credit{Bytes: uint64(sent-granted) + 1})
	if m := r.receive(); m.Kind() != wire.KindEvents {
		t.Fatalf("after further credit comes %v", m.Kind())
	}
	r.works()
	r.send(1, &wire.Plain{Is: wire.KindCancel})
	r.refused(1, firn.ErrUnavailable)
	<-stopped
}

// TestClientGone: a read whose client has gone away is given up.
func TestClientGone(t *testing.T) {
	b := tcptest.New(firn.Memory())
	stopped := make(chan struct{})
	b.OnRecords = endless(stopped)
	door := tcptest.Serve(t, b, tcp.Options{})
	r := connected(t, door)
	r.send(1, &wire.Read{Query: firn.Query{Stream: "s"}, Credit: 1 << 50})
	r.receive()
	r.nc.Close()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("the read goes on without its client")
	}
}

// TestCloseWhileAClientGrantsNothing: a read that waits for credit is ended when
// the door closes, with an answer that sends the client elsewhere.
func TestCloseWhileAClientGrantsNothing(t *testing.T) {
	b := tcptest.New(firn.Memory())
	b.OnRecords = endless(make(chan struct{}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door, err := tcp.Serve(l, b, tcp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := connected(t, door)
	r.send(1, &wire.Read{Query: firn.Query{Stream: "s"}, Credit: 1})
	r.receive() // the credit is used up
	closed := make(chan error, 1)
	go func() { closed <- door.Close(context.Background()) }()
	if m := r.receive(); m.Kind() != wire.KindGoodbye {
		t.Errorf("got %v, want Goodbye", m.Kind())
	}
	r.refused(1, firn.ErrUnavailable)
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the door waits for a client that grants no credit")
	}
}

// TestClientDoesNotRead: a client that grants credit and does not read is let
// go after its time.
func TestClientDoesNotRead(t *testing.T) {
	t.Parallel()
	b := tcptest.New(firn.Memory())
	stopped := make(chan struct{})
	b.OnRecords = endless(stopped)
	door := tcptest.Serve(t, b, tcp.Options{FrameTimeout: 500 * time.Millisecond})
	r, other := connected(t, door), connected(t, door)
	r.send(1, &wire.Read{Query: firn.Query{Stream: "s"}, Credit: 1 << 50})
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("the door still waits for the client to read")
	}
	other.works()
}

// TestPipelining: an append that takes long holds up neither another append nor
// a read on the same connection, and answers come as they are ready.
func TestPipelining(t *testing.T) {
	b := tcptest.New(firn.Memory())
	release := make(chan struct{})
	b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
		if writes[0].Stream == "slow" {
			<-release
		}
		return firn.Appended{Position: firn.Position(len(writes[0].Stream))}, nil
	}
	door := tcptest.Serve(t, b, tcp.Options{})
	r := connected(t, door)
	r.send(1, &wire.Append{Writes: []wire.Write{{Stream: "slow"}}})
	r.send(2, &wire.Append{Writes: []wire.Write{{Stream: "quicker"}}})
	if h, _, err := r.frame(); err != nil || h.Call != 2 {
		t.Fatalf("the first answer is for call %d (%v), want 2", h.Call, err)
	}
	r.works()
	close(release)
	if h, _, err := r.frame(); err != nil || h.Call != 1 {
		t.Fatalf("the last answer is for call %d (%v), want 1", h.Call, err)
	}
}

// TestClose: a door that closes says so, finishes the calls in flight and
// refuses further ones.
func TestClose(t *testing.T) {
	b := tcptest.New(firn.Memory())
	held, release := make(chan struct{}), make(chan struct{})
	b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
		close(held)
		select {
		case <-release:
			return firn.Appended{Position: 7}, nil
		case <-ctx.Done():
			return firn.Appended{}, ctx.Err()
		}
	}
	open := func() (*tcp.Server, *raw, chan error) {
		held, release = make(chan struct{}), make(chan struct{})
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		door, err := tcp.Serve(l, b, tcp.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := connected(t, door)
		r.send(1, &wire.Append{})
		<-held
		return door, r, make(chan error, 1)
	}
	t.Run("in time", func(t *testing.T) {
		door, r, closed := open()
		go func() { closed <- door.Close(t.Context()) }()
		if m := r.receive(); m.Kind() != wire.KindGoodbye {
			t.Fatalf("got %v, want Goodbye", m.Kind())
		}
		r.send(2, &wire.Head{})
		r.refused(2, firn.ErrUnavailable)
		close(release)
		if m, ok := r.receive().(*wire.Appended); !ok || m.Position != 7 {
			t.Errorf("the append in flight was answered with %+v", m)
		}
		r.ended()
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if _, err := net.Dial("tcp", door.Addr().String()); err == nil {
			t.Error("the port is still open")
		}
	})
	t.Run("cut off", func(t *testing.T) {
		door, r, _ := open()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := door.Close(ctx); err != context.Canceled {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		for {
			if _, _, err := r.frame(); err != nil {
				break
			}
		}
	})
}

// TestLargeEvents reads events that do not fit into one batch.
func TestLargeEvents(t *testing.T) {
	door := memoryDoor(t, tcp.Options{})
	c := dial(t, door.Addr().String(), clientOptions())
	var want []firn.Draft
	for i, size := range []int{1, 300 << 10, firn.EventBytesMax, 2, 255 << 10, 2 << 20} {
		d := firn.Draft{ID: firn.NewID(), Type: fmt.Sprint("T", i), Data: bytes.Repeat([]byte{byte(i)}, size)}
		want = append(want, d)
		if _, err := c.Append(t.Context(), firn.To("s", firn.Any, d)); err != nil {
			t.Fatal(err)
		}
	}
	i := 0
	for e, err := range c.Read(t.Context(), firn.Query{Stream: "s"}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.ID != want[i].ID || !bytes.Equal(e.Data, want[i].Data) {
			t.Errorf("event %d is not what was appended", i)
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d events, want %d", i, len(want))
	}
}
