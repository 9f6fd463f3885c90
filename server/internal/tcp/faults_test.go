package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/engine/storetest"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

func clientOptions() client.Options {
	return client.Options{Timeout: patience, KeepAlive: 200 * time.Millisecond}
}

// cutter dials connections that break after a number of bytes, in one
// direction or the other.
type cutter struct {
	budget func() int // bytes that the next connection carries in each direction
	dials  atomic.Int32
}

func (c *cutter) dial(ctx context.Context, address string) (net.Conn, error) {
	c.dials.Add(1)
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: nc, in: c.budget(), out: c.budget()}, nil
}

type cutConn struct {
	net.Conn
	mu      sync.Mutex
	in, out int
}

var errCut = errors.New("the cable was cut")

// take returns how many of n bytes may still pass.
func (c *cutConn) take(left *int, n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(n, *left)
	*left -= n
	return n
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if may := c.take(&c.in, n); may < n {
		c.Conn.Close()
		return may, errCut
	}
	return n, err
}

func (c *cutConn) Write(b []byte) (int, error) {
	may := c.take(&c.out, len(b))
	n, err := c.Conn.Write(b[:may])
	if err == nil && may < len(b) {
		c.Conn.Close()
		err = errCut
	}
	return n, err
}

// seeded returns random numbers whose seed is printed when the test fails.
func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	if text := os.Getenv("FIRN_CUT_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with: FIRN_CUT_SEED=%d go test ./server/internal/tcp -run '^%s$'", seed, t.Name())
		}
	})
	return rand.New(rand.NewPCG(seed, seed))
}

// TestCutAppends appends over connections that break all the time. Each append
// is answered in the end, and each event stands once, in the order of one
// writer.
func TestCutAppends(t *testing.T) {
	random := seeded(t)
	for range 20 {
		dials, repeated := cutAppends(t, random)
		if t.Failed() || dials >= 5 && repeated > 0 {
			return
		}
		t.Logf("%d connections and %d repeated appends: too few were cut to show anything, once more", dials, repeated)
	}
	t.Error("so it was twenty times")
}

// cutAppends returns how many connections it took, and how many appends had been
// done when they were repeated.
func cutAppends(t *testing.T, random *rand.Rand) (dials, repeats int32) {
	var mu sync.Mutex
	cut := &cutter{budget: func() int {
		mu.Lock()
		defer mu.Unlock()
		return 300 + random.IntN(4000)
	}}
	store := firn.Memory()
	door := tcptest.Serve(t, tcptest.New(store), tcp.Options{})
	o := clientOptions()
	o.Dial = cut.dial
	c := dial(t, door.Addr().String(), o)
	const writers, each = 8, 40
	var group sync.WaitGroup
	repeated := atomic.Int32{}
	for w := range writers {
		group.Go(func() {
			stream := fmt.Sprint("s-", w)
			for i := range each {
				expect := firn.None
				if i > 0 {
					expect = firn.At(firn.Revision(i - 1))
				}
				done, err := c.Append(t.Context(), firn.To(stream, expect, firn.Draft{Type: fmt.Sprint("T", i)}))
				if err != nil {
					t.Errorf("%s, append %d: %v", stream, i, err)
					return
				}
				if done.Repeated {
					repeated.Add(1)
				}
			}
			if _, err := c.Change(t.Context(), stream, firn.At(each-1), firn.Metadata{Data: []byte("{}")}); err != nil {
				t.Errorf("%s, change: %v", stream, err)
			}
		})
	}
	group.Wait()
	for w := range writers {
		i := 0
		for e, err := range store.Read(t.Context(), firn.Query{Stream: fmt.Sprint("s-", w)}) {
			if err != nil || e.Type != fmt.Sprint("T", i) {
				t.Fatalf("stream %d, event %d: %v (%v)", w, i, e.Type, err)
			}
			i++
		}
		if i != each {
			t.Errorf("stream %d holds %d events, want %d", w, i, each)
		}
	}
	return cut.dials.Load(), repeated.Load()
}

// calm is a store over connections that break. An append that the client has
// repeated by itself, since its answer was lost, is no repetition of the
// caller's.
type calm struct {
	firn.Store
	done map[string]bool // by stream and id
}

func (c *calm) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	done, err := c.Store.Append(ctx, writes...)
	for _, w := range done.Writes {
		for _, id := range w.IDs {
			done.Repeated = done.Repeated && c.done[w.Stream+id.String()]
			c.done[w.Stream+id.String()] = true
		}
	}
	return done, err
}

// TestStoreOverCutConnections holds the client against the store in memory, with
// random operations over connections that break all the time.
func TestStoreOverCutConnections(t *testing.T) {
	random := seeded(t)
	var mu sync.Mutex
	cut := &cutter{budget: func() int {
		mu.Lock()
		defer mu.Unlock()
		return 5_000 + random.IntN(50_000)
	}}
	storetest.Random(t, func(t *testing.T) firn.Store {
		o := clientOptions()
		o.Dial = cut.dial
		return &calm{dial(t, memoryDoor(t, tcp.Options{}).Addr().String(), o), map[string]bool{}}
	}, 500)
	if cut.dials.Load() < 3 {
		t.Errorf("%d connections: too few were cut to show anything", cut.dials.Load())
	}
}

// TestCutReads reads over connections that break all the time. A read yields
// what it would have yielded over one.
func TestCutReads(t *testing.T) {
	random := seeded(t)
	store := firn.Memory()
	for i := range 300 {
		stream := fmt.Sprint("order-", i%3)
		if _, err := store.Append(t.Context(), firn.To(stream, firn.Any, firn.Draft{Type: fmt.Sprint("T", i%2), Data: make([]byte, 2<<10)})); err != nil {
			t.Fatal(err)
		}
	}
	b := tcptest.New(store)
	door := tcptest.Serve(t, b, tcp.Options{})
	var mu sync.Mutex
	cut := &cutter{budget: func() int {
		mu.Lock()
		defer mu.Unlock()
		return 300_000 + random.IntN(300_000) // at least one whole frame of events
	}}
	o := clientOptions()
	o.Dial = cut.dial
	o.WindowBytes = 64 << 10
	c := dial(t, door.Addr().String(), o)
	for _, q := range []firn.Query{
		{All: true},
		{All: true, Backwards: true},
		{All: true, Limit: 250},
		{All: true, Types: []string{"T1"}},
		{Category: "order", Backwards: true, Limit: 299, From: firn.PositionPoint(299)},
		{Stream: "order-1"},
		{Stream: "order-2", Backwards: true},
		{Stream: "order-0", From: firn.RevisionPoint(1), Bound: firn.PositionPoint(280)},
		{All: true, Consistency: firn.Consistency{Local: true}},
	} {
		next, stop := iter.Pull2(c.Read(t.Context(), q))
		n := 0
		for want, err := range store.Read(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			got, err, ok := next()
			if !ok || err != nil || got.Position != want.Position || got.Stream != want.Stream || got.Revision != want.Revision {
				t.Fatalf("%+v: event %d is %d (%v), want %d", q, n, got.Position, err, want.Position)
			}
			n++
		}
		if got, err, ok := next(); ok {
			t.Fatalf("%+v: behind the last event comes %d (%v)", q, got.Position, err)
		}
		stop()
	}
	if cut.dials.Load() < 3 {
		t.Errorf("%d connections: too few were cut to show anything", cut.dials.Load())
	}
}

// TestLimitReachedAtTheCut: the connection breaks after the last event that was
// asked for, but before the end was told.
func TestLimitReachedAtTheCut(t *testing.T) {
	var calls atomic.Int32
	b := tcptest.New(firn.Memory())
	for range 3 {
		if _, err := b.Store.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"})); err != nil {
			t.Fatal(err)
		}
	}
	b.OnRecords = func(ctx context.Context, q firn.Query) iter.Seq2[record.Stored, error] {
		return func(yield func(record.Stored, error) bool) {
			calls.Add(1)
			for r, err := range b.ReadRecords(ctx, q) {
				if !yield(r, err) {
					return
				}
			}
			yield(record.Stored{}, firn.Errorf(firn.ErrUnavailable, "the leadership was lost"))
		}
	}
	door := tcptest.Serve(t, b, tcp.Options{})
	c := dial(t, door.Addr().String(), clientOptions())
	for _, q := range []firn.Query{{Stream: "s", Limit: 3}, {Stream: "s", Backwards: true}, {All: true, Backwards: true}} {
		calls.Store(0)
		n := 0
		for _, err := range c.Read(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 3 || calls.Load() != 1 {
			t.Errorf("%+v: %d events in %d reads, want 3 in 1", q, n, calls.Load())
		}
	}
}

// TestUnknown: the connection is lost in mid-append and no node comes back. The
// caller learns that it may have been done, with the ids to repeat it.
func TestUnknown(t *testing.T) {
	t.Parallel()
	b := tcptest.New(firn.Memory())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door, err := tcp.Serve(l, b, tcp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	reached := make(chan struct{}, 10)
	var back atomic.Bool // a node answers again
	b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
		done, err := b.AppendRecords(ctx, writes)
		if back.Load() {
			return done, err
		}
		reached <- struct{}{}
		<-ctx.Done()
		return done, errors.Join(err, ctx.Err())
	}
	o := clientOptions()
	o.Timeout = 3 * time.Second
	c := dial(t, door.Addr().String(), o)
	go func() {
		<-reached
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		door.Close(gone)
	}()
	d := firn.Draft{Type: "T", ID: firn.NewID()}
	_, err = c.Append(t.Context(), firn.To("s", firn.None, d))
	var e *firn.Error
	if !errors.As(err, &e) || e.Kind != firn.ErrUnknown || len(e.IDs) != 1 || e.IDs[0] != d.ID || e.Stream != "s" || e.Retry() != firn.RetrySameIDs {
		t.Fatalf("got %+v, want %v with the id", err, firn.ErrUnknown)
	}
	// Repeated with its id it turns out that it was done.
	back.Store(true)
	again := tcptest.Serve(t, b, tcp.Options{})
	c = dial(t, again.Addr().String(), o)
	done, err := c.Append(t.Context(), firn.To("s", firn.None, d))
	if err != nil || !done.Repeated {
		t.Errorf("repeated: %+v, %v", done, err)
	}
}

// TestContexts: a call whose context ends returns at once: with the context's
// error where nothing can have been done, with ErrUnknown where it can.
func TestContexts(t *testing.T) {
	b := tcptest.New(firn.Memory())
	reached := make(chan struct{}, 1)
	hang := func(ctx context.Context) error {
		reached <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
		return firn.Appended{}, hang(ctx)
	}
	b.OnHead = func(ctx context.Context, _ firn.Consistency) (firn.Position, time.Time, error) {
		return 0, time.Time{}, hang(ctx)
	}
	left := make(chan error, 1)
	b.OnRecords = func(ctx context.Context, q firn.Query) iter.Seq2[record.Stored, error] {
		return func(yield func(record.Stored, error) bool) {
			err := hang(ctx)
			left <- err
			yield(record.Stored{}, err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door, err := tcp.Serve(l, b, tcp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, door.Addr().String(), clientOptions())
	call := func(f func(ctx context.Context) error) error {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-reached
			cancel()
		}()
		return f(ctx)
	}
	d := firn.Draft{Type: "T", ID: firn.NewID()}
	err = call(func(ctx context.Context) error { _, err := c.Append(ctx, firn.To("s", firn.Any, d)); return err })
	if !errors.Is(err, firn.ErrUnknown) {
		t.Errorf("append: %v, want %v", err, firn.ErrUnknown)
	}
	err = call(func(ctx context.Context) error { _, _, err := c.Head(ctx, firn.Consistency{}); return err })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("head: %v, want %v", err, context.Canceled)
	}
	err = call(func(ctx context.Context) error {
		for _, err := range c.Read(ctx, firn.Query{All: true}) {
			return err
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v, want %v", err, context.Canceled)
	}
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the node's read ended with %v, want %v", err, context.Canceled)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Append(ended, firn.To("s", firn.Any, d)); !errors.Is(err, context.Canceled) {
		t.Errorf("append with a context that had ended: %v", err)
	}
	door.Close(ended) // the append still hangs in the node
}
