package sim

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/server"
)

// subscriber follows the log at one node after the other, leaves at random, and
// goes on behind what it has kept.
type subscriber struct {
	check.Listening
	c      *cluster
	random *rand.Rand
}

// follow starts the subscribers of a run.
func (c *cluster) follow() {
	for i, q := range []firn.Query{
		{All: true}, {All: true, System: true}, {Category: "g0r0"}, {All: true, Consistency: firn.Consistency{Local: true}},
	} {
		s := &subscriber{c: c, random: rand.New(rand.NewPCG(c.seed, uint64(50+i)))}
		s.Heard = check.Heard{Query: q, Start: 1}
		c.subscribers = append(c.subscribers, s)
		c.following.Go(s.run)
	}
}

func (s *subscriber) run() {
	for s.c.over.Err() == nil && !s.Told() {
		ctx, cancel := context.WithTimeout(s.c.over, time.Duration(1+s.random.IntN(30))*time.Second)
		seats := s.c.nodes()
		err := seats[s.random.IntN(len(seats))].call(ctx, s.once)
		cancel()
		if err != nil && !passing(err) {
			s.c.fault(check.Answer, "%s ended: %v", &s.Heard, err)
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
	head := s.headElsewhere(ctx)
	if s.Heard.Query.Consistency.Local { // it is promised less
		head = 0
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for m, err := range db.Subscribe(ctx, s.Begin(head, cancel)) {
		if err != nil || ctx.Err() != nil {
			return err
		}
		if s.Hear(m) {
			return nil
		}
	}
	return nil
}

// headElsewhere returns how far some node has come: no other may then call a
// subscriber caught up before that. 0 where the node does not say.
func (s *subscriber) headElsewhere(ctx context.Context) (head firn.Position) {
	seats := s.c.nodes()
	_ = seats[s.random.IntN(len(seats))].call(ctx, func(ctx context.Context, db server.Store) (err error) {
		head, _, err = db.Head(ctx, firn.Consistency{Local: true})
		return err
	})
	return head
}

// checkHeard holds what subscribers were told against the log. An event that
// is hidden in the end may have been hidden when they came to it.
func (c *cluster) checkHeard(log []firn.Event) {
	all := check.Log{Events: log, Hidden: check.Hidden(log)}
	for _, s := range c.subscribers {
		c.report.Messages += len(s.Heard.Messages)
		if err := s.Heard.Check(&all); err != nil {
			c.faultOf(err)
		}
		if !s.Told() {
			c.fault(Alive, "%s was not told of everything", &s.Heard)
		}
	}
}
