package check_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// subscriber subscribes, is slow, leaves at random and begins again behind what
// it has kept, until it has been told of everything.
type subscriber struct {
	check.Listening
	rand  *rand.Rand
	leave int           // it leaves after about so many messages
	pause time.Duration // it takes up to so long for a message, now and then
	fatal error
}

// run subscribes again and again. A store that is away is asked again.
func (s *subscriber) run(ctx context.Context, store firn.Store) {
	for ctx.Err() == nil && !s.Told() {
		head, _, err := store.Head(ctx, firn.Consistency{})
		if err != nil {
			wait(ctx, 5*time.Millisecond)
			continue
		}
		if err := s.once(ctx, store, head); !passing(err) {
			s.fatal = err
			return
		}
	}
}

func (s *subscriber) once(ctx context.Context, store firn.Store, head firn.Position) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	left := 1 + s.rand.IntN(2*s.leave)
	for m, err := range store.Subscribe(ctx, s.Begin(head, cancel)) {
		if err != nil {
			return err
		}
		if s.Hear(m) {
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
