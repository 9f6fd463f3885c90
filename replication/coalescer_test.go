package replication

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// sender stands for Raft: each entry takes a while, and answers as told.
type sender struct {
	mu      sync.Mutex
	entries [][]string
	flying  int
	most    int
	took    time.Duration
	err     error
}

type sentEntry struct {
	done  chan struct{}
	err   error
	items int
}

func (f *sentEntry) Error() error  { <-f.done; return f.err }
func (f *sentEntry) Index() uint64 { return 1 }
func (f *sentEntry) Response() any {
	return applied{results: make([]command.Result, f.items)}
}

func (s *sender) send(items [][]byte) raft.ApplyFuture {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, it := range items {
		texts = append(texts, fmt.Sprintf("%.4s/%d", it, len(it)))
	}
	s.entries = append(s.entries, texts)
	s.flying++
	s.most = max(s.most, s.flying)
	f := &sentEntry{done: make(chan struct{}), err: s.err, items: len(items)}
	took := s.took
	go func() {
		time.Sleep(took)
		s.mu.Lock()
		s.flying--
		s.mu.Unlock()
		close(f.done)
	}()
	return f
}

func newTestCoalescer(t *testing.T, s *sender, limit int64) *coalescer {
	c := &coalescer{limit: limit, send: s.send, note: func(error) {}, fail: func(err error) error { return err }, wake: make(chan struct{}, 1)}
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go c.run(done)
	return c
}

// While two entries are on their way, what comes waits and goes together.
func TestItemsShareEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sender{took: time.Second}
		c := newTestCoalescer(t, s, 1<<20)
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				if _, err := c.propose(t.Context(), fmt.Appendf(nil, "it-%d", i)); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(time.Millisecond)
		}
		all.Wait()
		want := "[[it-0/4] [it-1/4] [it-2/4 it-3/4 it-4/4 it-5/4]]"
		if got := fmt.Sprint(s.entries); got != want {
			t.Errorf("entries %s, want %s", got, want)
		}
		if s.most != 2 {
			t.Errorf("%d entries were on their way at once", s.most)
		}
	})
}

// An entry of several items has at most 512 KiB, a larger item goes alone, and
// at most 4 MiB are on their way.
func TestEntrySizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sender{took: time.Second}
		c := newTestCoalescer(t, s, 128<<20)
		sizes := []int{10, 10, 300 << 10, 200 << 10, 100 << 10, 8 << 20, 10, 3 << 20, 3 << 20}
		var all sync.WaitGroup
		for i, n := range sizes {
			all.Go(func() {
				if _, err := c.propose(t.Context(), []byte(fmt.Sprintf("it-%d", i)+strings.Repeat(".", n))); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(time.Millisecond)
		}
		all.Wait()
		want := "[[it-0/14] [it-1/14] [it-2/307204 it-3/204804] [it-4/102404] [it-5/8388612] [it-6/14] [it-7/3145732] [it-8/3145732]]"
		if got := fmt.Sprint(s.entries); got != want {
			t.Errorf("entries\n%s, want\n%s", got, want)
		}
	})
}

// What waits is bounded in bytes; a caller that gives up while its item waits
// has done nothing, one whose item is on its way does not know.
func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sender{took: time.Second}
		c := newTestCoalescer(t, s, 100)
		item := make([]byte, 30)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		answers := make([]error, 3)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { _, answers[i] = c.propose(ctx, item) })
			time.Sleep(time.Millisecond)
		}
		if _, err := c.propose(ctx, item); !errors.Is(err, firn.ErrBusy) {
			t.Errorf("over the limit: %v", err)
		}
		all.Wait()
		for i, want := range []firn.Kind{firn.ErrUnknown, firn.ErrUnknown, firn.ErrTimeout} {
			if !errors.Is(answers[i], want) {
				t.Errorf("caller %d was told %v, want %v", i, answers[i], want)
			}
		}
		if _, err := c.propose(t.Context(), make([]byte, itemBytesMax+1)); !errors.Is(err, firn.ErrTooLarge) {
			t.Errorf("an item that is too large: %v", err)
		}
		canceled, stop := context.WithCancel(t.Context())
		stop()
		if _, err := c.propose(canceled, item); err != context.Canceled {
			t.Errorf("canceled while waiting: %v", err)
		}
		time.Sleep(2 * time.Second)
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(s.entries) != 2 || c.held != 0 || len(c.queue) != 0 {
			t.Errorf("%d entries were sent, %d bytes and %d items are held", len(s.entries), c.held, len(c.queue))
		}
	})
}

// Stopping refuses what waits; abandoning answers what is on its way, whose
// future may never come.
func TestStopAndAbandon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sender{took: time.Hour}
		c := newTestCoalescer(t, s, 1000)
		answers := make([]error, 3)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { _, answers[i] = c.propose(context.Background(), []byte("item")) })
			time.Sleep(time.Millisecond)
		}
		c.stop(errClosed)
		start := time.Now()
		c.drain(time.Second)
		if took := time.Since(start); took != time.Second {
			t.Errorf("draining took %v", took)
		}
		c.abandon(firn.Errorf(firn.ErrUnknown, "shut down"))
		all.Wait()
		for i, want := range []firn.Kind{firn.ErrUnknown, firn.ErrUnknown, firn.ErrUnavailable} {
			if !errors.Is(answers[i], want) {
				t.Errorf("caller %d was told %v, want %v", i, answers[i], want)
			}
		}
		if _, err := c.propose(context.Background(), []byte("item")); !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("after stop: %v", err)
		}
		time.Sleep(2 * time.Hour) // the late answers come, and find nobody
	})
}
