package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/server"
)

// subscriber follows the log at one node after the other, leaves at random, and
// goes on behind what it has kept.
type subscriber struct {
	c      *cluster
	random *rand.Rand

	mu    sync.Mutex
	heard check.Heard
	until firn.Position      // where to end; 0: not known yet
	leave context.CancelFunc // what it hears now
}

// follow starts the subscribers of a run.
func (c *cluster) follow() {
	for i, q := range []firn.Query{
		{All: true}, {All: true, System: true}, {Category: "g0r0"}, {All: true, Consistency: firn.Consistency{Local: true}},
	} {
		s := &subscriber{c: c, random: rand.New(rand.NewPCG(c.seed, uint64(50+i))), heard: check.Heard{Query: q, Start: 1}}
		c.subscribers = append(c.subscribers, s)
		c.following.Go(s.run)
	}
}

// endAt lets the subscriber end once it has been told of everything up to p.
func (s *subscriber) endAt(p firn.Position) {
	s.mu.Lock()
	s.until = p
	leave := s.leave
	s.mu.Unlock()
	if s.told() && leave != nil {
		leave() // nothing more comes that would end it
	}
}

func (s *subscriber) told() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.heard.Messages)
	return s.until > 0 && n > 0 && s.heard.At(n-1) >= s.until
}

func (s *subscriber) run() {
	for s.c.over.Err() == nil && !s.told() {
		ctx, cancel := context.WithTimeout(s.c.over, time.Duration(1+s.random.IntN(30))*time.Second)
		seats := s.c.nodes()
		err := seats[s.random.IntN(len(seats))].call(ctx, s.once)
		cancel()
		if err != nil && !passing(err) {
			s.c.fault(check.Answer, "%s ended: %v", &s.heard, err)
			return
		}
		s.c.wait(time.Duration(s.random.IntN(500)) * time.Millisecond)
	}
}

// passing reports whether an error may be met while nodes come and go.
func passing(err error) bool {
	for _, kind := range []firn.Kind{firn.ErrUnavailable, firn.ErrUnknown, firn.ErrNotLeader, firn.ErrBusy, firn.ErrTimeout, firn.ErrNoSpace} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// once is one connection. What a node says after it has crashed, nobody hears.
func (s *subscriber) once(ctx context.Context, db server.Store) error {
	head, _, err := db.Head(ctx, firn.Consistency{})
	if err != nil {
		return err
	}
	if s.heard.Query.Consistency.Local { // it is promised less
		head = 0
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	q := s.heard.Resume(head)
	s.leave = cancel
	s.mu.Unlock()
	for m, err := range db.Subscribe(ctx, q) {
		if err != nil || ctx.Err() != nil {
			return err
		}
		s.mu.Lock()
		s.heard.Messages = append(s.heard.Messages, m)
		s.mu.Unlock()
		if s.told() {
			return nil
		}
	}
	return nil
}

// checkHeard holds what subscribers were told against the log. An event that
// is hidden in the end may have been hidden when they came to it.
func (c *cluster) checkHeard(log []firn.Event) {
	all := check.Log{Events: log, Hidden: check.Hidden(log)}
	for _, s := range c.subscribers {
		c.report.Messages += len(s.heard.Messages)
		if err := s.heard.Check(&all); err != nil {
			c.faultOf(err)
		}
		if !s.told() {
			c.fault(Alive, "%s was not told of everything", &s.heard)
		}
	}
}
