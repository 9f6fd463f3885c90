package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

// TestSmallerFrames: a node that takes smaller frames than the client can make.
// What does not fit is refused before it is sent, and other calls go on.
func TestSmallerFrames(t *testing.T) {
	door := memoryDoor(t, tcp.Options{Limits: wire.Limits{FrameBytes: 4096}})
	c := dial(t, door.Addr().String(), clientOptions())
	_, err := c.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T", Data: make([]byte, 5000)}))
	if !errors.Is(err, firn.ErrTooLarge) {
		t.Errorf("got %v, want %v", err, firn.ErrTooLarge)
	}
	for range 10 {
		if _, err := c.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T", Data: make([]byte, 3000)})); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, err := range c.Read(t.Context(), firn.Query{All: true}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 10 || len(c.Connected()) != 1 {
		t.Errorf("%d events over %d connections", n, len(c.Connected()))
	}
}

// TestBusy: the client repeats what was refused for want of room.
func TestBusy(t *testing.T) {
	b := tcptest.New(firn.Memory())
	var refusals atomic.Int32
	b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
		if refusals.Add(1) <= 3 {
			return firn.Appended{}, firn.Errorf(firn.ErrBusy, "a limit is reached; repeat the call in a moment")
		}
		return b.AppendRecords(ctx, writes)
	}
	door := tcptest.Serve(t, b, tcp.Options{})
	c := dial(t, door.Addr().String(), clientOptions())
	if done, err := c.Append(t.Context(), firn.To("s", firn.None, firn.Draft{Type: "T"})); err != nil || done.Repeated {
		t.Errorf("%+v, %v", done, err)
	}
}

// listing is a store whose list of streams breaks off.
type listing struct {
	firn.Store
	breakAfter int
	calls      int
}

func (l *listing) Streams(ctx context.Context, q firn.StreamQuery) iter.Seq2[firn.StreamInfo, error] {
	return func(yield func(firn.StreamInfo, error) bool) {
		l.calls++
		n := 0
		for info, err := range l.Store.Streams(ctx, q) {
			if n == l.breakAfter {
				yield(firn.StreamInfo{}, firn.Errorf(firn.ErrUnavailable, "the leadership was lost"))
				return
			}
			if !yield(info, err) {
				return
			}
			n++
		}
	}
}

// TestBrokenList: a list of streams that breaks off goes on behind the last name.
func TestBrokenList(t *testing.T) {
	store := &listing{Store: firn.Memory(), breakAfter: 7}
	for i := range 40 {
		if _, err := store.Append(t.Context(), firn.To(fmt.Sprintf("order-%02d", i), firn.None, firn.Draft{Type: "T"})); err != nil {
			t.Fatal(err)
		}
	}
	door := tcptest.Serve(t, tcptest.New(store), tcp.Options{})
	c := dial(t, door.Addr().String(), clientOptions())
	for _, limit := range []uint64{0, 33, 35} {
		store.calls = 0
		var names []string
		for info, err := range c.Streams(t.Context(), firn.StreamQuery{Category: "order", Limit: limit}) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, info.Name)
		}
		want := int(limit)
		if limit == 0 {
			want = 40
		}
		for i, name := range names {
			if name != fmt.Sprintf("order-%02d", i) {
				t.Fatalf("limit %d: name %d is %s", limit, i, name)
			}
		}
		if len(names) != want || store.calls < 5 {
			t.Errorf("limit %d: %d names in %d calls", limit, len(names), store.calls)
		}
	}
}
