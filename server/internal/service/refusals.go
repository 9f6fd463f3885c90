package service

import (
	"errors"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// refusals logs what is refused, no more often than logPause, so that nobody
// fills a disk by asking.
type refusals struct {
	mu     sync.Mutex
	next   time.Time // nothing is logged before
	silent uint64    // refusals since the last one that was logged
}

const logPause = 10 * time.Second

// refused counts and logs an error that says that somebody may not do something,
// and returns it.
func (g Guard) refused(err error) error {
	var e *firn.Error
	if !errors.As(err, &e) || e.Kind != firn.ErrUnauthenticated && e.Kind != firn.ErrForbidden {
		return err
	}
	s := g.s
	s.options.Refused(e.Kind)
	now := s.options.Now()
	r := &s.refusals
	r.mu.Lock()
	silent, due := r.silent, !now.Before(r.next)
	if due {
		r.silent, r.next = 0, now.Add(logPause)
	} else {
		r.silent++
	}
	r.mu.Unlock()
	if due {
		s.options.Logger.Warn("refused", "kind", e.Kind, "reason", e.Message, "unlogged_before", silent)
	}
	return err
}
