package check_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// subscriber subscribes, is slow, leaves at random and begins again behind what
// it has kept, until it has been told of everything.
type subscriber struct {
	rand  *rand.Rand
	leave int           // it leaves after about so many messages
	pause time.Duration // it takes up to so long for a message, now and then

	mu      sync.Mutex
	heard   check.Heard
	until   firn.Position      // where to end; 0: not yet known
	unheard context.CancelFunc // of the connection under way
	fatal   error
}

// endAt lets the subscriber end once it has been told of everything up to p.
func (s *subscriber) endAt(p firn.Position) {
	s.mu.Lock()
	s.until = p
	s.mu.Unlock()
	if s.over() { // nothing more comes that would end it
		s.mu.Lock()
		defer s.mu.Unlock()
		s.unheard()
	}
}

// over reports whether the subscriber has been told of all that it waits for.
func (s *subscriber) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.heard.Messages)
	return s.until > 0 && n > 0 && s.heard.At(n-1) >= s.until
}

// run subscribes again and again. A store that is away is asked again.
func (s *subscriber) run(ctx context.Context, store firn.Store) {
	for ctx.Err() == nil && !s.over() {
		head, _, err := store.Head(ctx, firn.Consistency{})
		if err != nil {
			wait(ctx, 5*time.Millisecond)
			continue
		}
		s.mu.Lock()
		q := s.heard.Resume(head)
		s.mu.Unlock()
		if err := s.once(ctx, store, q); !passing(err) {
			s.fatal = err
			return
		}
	}
}

func (s *subscriber) once(ctx context.Context, store firn.Store, q firn.Query) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.unheard = cancel
	s.mu.Unlock()
	left := 1 + s.rand.IntN(2*s.leave)
	for m, err := range store.Subscribe(ctx, q) {
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.heard.Messages = append(s.heard.Messages, m)
		s.mu.Unlock()
		if s.over() {
			return nil
		}
		if s.pause > 0 && s.rand.IntN(20) == 0 {
			wait(ctx, time.Duration(s.rand.Int64N(int64(s.pause))))
		}
		if left--; left == 0 {
			return nil
		}
	}
	return nil
}

// passing reports whether an error may be met while nodes come and go.
func passing(err error) bool {
	return err == nil || errors.Is(err, firn.ErrUnavailable) || errors.Is(err, firn.ErrUnknown) || errors.Is(err, firn.ErrNotLeader) ||
		errors.Is(err, firn.ErrBusy) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
