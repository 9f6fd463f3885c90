package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

func dialError(t *testing.T, door *tcp.Server, o client.Options) (*client.Client, error) {
	return client.Dial(t.Context(), door.Addr().String(), o)
}

// TestProducer hands in many events without waiting, to many streams, in
// batches; the events of each stream stand in order, at the places that the
// answers tell.
func TestProducer(t *testing.T) {
	store := firn.Memory()
	b := tcptest.New(store)
	var appends atomic.Int32
	b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
		appends.Add(1)
		return b.AppendRecords(ctx, writes)
	}
	door := tcptest.Serve(t, b, tcp.Options{})
	p := client.NewProducer(dial(t, door.Addr().String(), clientOptions()), client.ProducerOptions{BatchEvents: 100, PendingBytes: 64 << 10})
	const events, streams = 2000, 7
	var pending []*client.Pending
	for i := range events {
		drafts := []firn.Draft{{Type: fmt.Sprint("T", i)}}
		if i%10 == 0 {
			drafts = append(drafts, firn.Draft{Type: fmt.Sprint("second", i)})
		}
		item, err := p.Append(t.Context(), fmt.Sprint("s-", i%streams), drafts...)
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, item)
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := appends.Load(); n >= events/2 {
		t.Errorf("%d appends for %d events: nothing was batched", n, events)
	}
	at := map[firn.ID]firn.Event{}
	for e, err := range store.Read(t.Context(), firn.Query{All: true}) {
		if err != nil {
			t.Fatal(err)
		}
		at[e.ID] = e
	}
	next := map[string]firn.Revision{}
	for i, item := range pending {
		done, err := item.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w := done.Writes[0]
		if w.FirstRevision != next[w.Stream] {
			t.Fatalf("event %d of %s is at revision %d, want %d", i, w.Stream, w.FirstRevision, next[w.Stream])
		}
		next[w.Stream] = w.LastRevision + 1
		for j, id := range item.IDs() {
			e := at[id]
			if w.IDs[j] != id || e.Stream != w.Stream || e.Revision != w.FirstRevision+firn.Revision(j) || e.Position != w.FirstPosition+firn.Position(j) {
				t.Fatalf("event %d.%d is told to be %+v, and is %+v", i, j, w, e)
			}
		}
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := p.Append(t.Context(), "s", firn.Draft{Type: "T"}); !errors.Is(err, firn.ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
}

// TestProducerNeighbours: one that is refused does not take the batch with it.
func TestProducerNeighbours(t *testing.T) {
	b := tcptest.New(firn.Memory())
	first, release := make(chan struct{}), make(chan struct{})
	var appends atomic.Int32
	b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
		if appends.Add(1) == 1 {
			close(first)
			<-release
		}
		return b.AppendRecords(ctx, writes)
	}
	door := tcptest.Serve(t, b, tcp.Options{})
	db := dial(t, door.Addr().String(), clientOptions())
	if _, err := db.Change(t.Context(), "gone", firn.Any, firn.Tombstone{}); err != nil {
		t.Fatal(err)
	}
	p := client.NewProducer(db, client.ProducerOptions{})
	var pending []*client.Pending
	for _, stream := range []string{"a", "b", "gone", "b", "c"} {
		item, err := p.Append(t.Context(), stream, firn.Draft{Type: "T"})
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, item)
		if stream == "a" {
			<-first // those behind it make one batch
		}
	}
	close(release)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, item := range pending {
		_, err := item.Wait(t.Context())
		if i == 2 && !errors.Is(err, firn.ErrTombstoned) || i != 2 && err != nil {
			t.Errorf("item %d: %v", i, err)
		}
	}
	// One for a, one for the batch, one for each of its four.
	if n := appends.Load(); n != 6 {
		t.Errorf("%d appends, want 6", n)
	}
}

// TestProducerClosedEarly: what was not sent when Close stops waiting was not
// done, and says so.
func TestProducerClosedEarly(t *testing.T) {
	b := tcptest.New(firn.Memory())
	reached, release := make(chan struct{}, 1), make(chan struct{})
	b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
		reached <- struct{}{}
		<-release
		return b.AppendRecords(ctx, writes)
	}
	door := tcptest.Serve(t, b, tcp.Options{})
	p := client.NewProducer(dial(t, door.Addr().String(), clientOptions()), client.ProducerOptions{})
	sent, err := p.Append(t.Context(), "s", firn.Draft{Type: "T"})
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	waiting, err := p.Append(t.Context(), "s", firn.Draft{Type: "T"})
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Close(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Close: %v", err)
	}
	if _, err := sent.Wait(t.Context()); !errors.Is(err, firn.ErrUnknown) {
		t.Errorf("the one under way: %v, want %v", err, firn.ErrUnknown)
	}
	if _, err := waiting.Wait(t.Context()); !errors.Is(err, firn.ErrUnavailable) {
		t.Errorf("the one that waited: %v, want %v", err, firn.ErrUnavailable)
	}
	close(release)
}
