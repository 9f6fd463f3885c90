package wire_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn/server/wire"
)

// counted counts the writes that reach a connection.
type counted struct {
	io.Writer
	writes int
}

func (c *counted) Write(b []byte) (int, error) {
	c.writes++
	return c.Writer.Write(b)
}

// TestSender sends small and large frames from many goroutines: each arrives
// whole, those of one goroutine in order, and many in one write.
func TestSender(t *testing.T) {
	const senders, each = 16, 500
	in, out := net.Pipe()
	w := &counted{Writer: out}
	s := wire.NewSender(w)
	var group sync.WaitGroup
	for i := range senders {
		group.Go(func() {
			for n := range each {
				m := &wire.Append{Writes: []wire.Write{{Stream: "s", Records: [][]byte{make([]byte, 1+n%7*(n%53)*100)}}}}
				if err := s.Send(t.Context(), wire.FrameOf(uint64(i*each+n+1), m)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	r := bufio.NewReader(in)
	next := [senders]int{}
	for range senders * each {
		h, err := wire.ReadHeader(r)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, h.BodyBytes)
		if _, err := io.ReadFull(r, body); err != nil {
			t.Fatal(err)
		}
		m, err := wire.Parse(h.Kind, body)
		if err != nil {
			t.Fatal(err)
		}
		i, n := int(h.Call-1)/each, int(h.Call-1)%each
		if next[i] != n || len(m.(*wire.Append).Writes[0].Records[0]) != 1+n%7*(n%53)*100 {
			t.Fatalf("sender %d: frame %d came where %d was due", i, n, next[i])
		}
		next[i]++
	}
	group.Wait()
	if err := s.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	if w.writes >= senders*each {
		t.Errorf("%d frames took %d writes: nothing was gathered", senders*each, w.writes)
	}
}

// TestSenderWithoutReader: who sends to a peer that does not read waits only as
// long as its context, and is let go when the connection ends.
func TestSenderWithoutReader(t *testing.T) {
	in, out := net.Pipe()
	s := wire.NewSender(out)
	began := time.Now()
	large := func() *wire.Buffer {
		return wire.FrameOf(1, &wire.Events{Records: []wire.Record{{Stream: "s", Bytes: make([]byte, 600<<10)}}})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Send(t.Context(), large()); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Read(make([]byte, 1)); err != nil { // the first write is under way
		t.Fatal(err)
	}
	sent := 0
	for s.Send(ended, large()) == nil {
		if sent++; sent > 10 {
			t.Fatal("frames are taken without end")
		}
	}
	if err := s.Flush(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush: %v", err)
	}
	waiting := make(chan error)
	go func() { waiting <- s.Send(t.Context(), large()) }()
	if stuck := s.Stuck(began.Add(time.Hour)); stuck <= 0 || stuck > time.Hour {
		t.Errorf("the write is said to have been going on for %v", stuck)
	}
	s.Fail(io.ErrClosedPipe)
	if err := <-waiting; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the one who waited got %v", err)
	}
	in.Close()
	out.Close()
	if err := s.Send(t.Context(), large()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("after the end: %v", err)
	}
}
