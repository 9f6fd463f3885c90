package group

import (
	"context"
	"errors"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// operation is what somebody wants done to the group beside answering
// deliveries. The loop runs plan while no step is under way, and proposes what
// it has put into the step.
type operation struct {
	plan func(f *flight) error
	done chan error // takes one
}

// do has the loop run an operation.
func (c *Coordinator) do(ctx context.Context, plan func(f *flight) error) error {
	op := &operation{plan: plan, done: make(chan error, 1)}
	select {
	case c.ops <- op:
	case <-c.ended:
		return c.ending()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-op.done:
		return err
	case <-c.ended:
		return c.ending()
	case <-ctx.Done():
		return firn.Errorf(firn.ErrUnknown, "the change of the group %s was on its way when the caller's time ran out (%v); look at what it is like", c.name, ctx.Err())
	}
}

func (c *Coordinator) ending() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// errNothing ends an operation that has nothing to propose.
var errNothing = errors.New("nothing to do")

func (c *Coordinator) operate(op *operation) {
	f := &flight{op: op, step: &command.Settle{Group: []byte(c.name), Created: c.progress.Created, Step: c.progress.Step + 1}}
	err := error(nil)
	if !c.loaded {
		err = firn.Errorf(firn.ErrUnavailable, "the group %s is being taken up; nothing was done, try again", c.name)
	} else {
		err = op.plan(f)
	}
	if errors.Is(err, errNothing) {
		op.done <- nil
	} else if err != nil {
		op.done <- err
		c.loaded = false // it may have counted something already
	} else {
		c.propose(f)
	}
}

// Replay has parked events delivered again, then those that wait behind them.
// Drop gives them up and goes on behind them. Both return how many it were.
func (c *Coordinator) Replay(ctx context.Context, which firn.ParkedSelection) (uint64, error) {
	return c.unpark(ctx, which, func(f *flight, a *command.Aside) {
		c.remove(f, a)
		again := *a
		again.State, again.Due, again.Replay, again.Attempts, again.Parked = command.AsideDue, 0, true, 0, 0
		c.add(f, again)
	})
}

// Drop is told with Replay.
func (c *Coordinator) Drop(ctx context.Context, which firn.ParkedSelection) (uint64, error) {
	return c.unpark(ctx, which, func(f *flight, a *command.Aside) {
		c.remove(f, a)
		if a.Holds {
			next := behind(a.Position, a.Revision, string(a.Stream))
			next.Replay = true
			c.add(f, next)
		}
	})
}

// unpark does something to the parked events that are selected, some at a time.
func (c *Coordinator) unpark(ctx context.Context, which firn.ParkedSelection, each func(*flight, *command.Aside)) (n uint64, err error) {
	for from, more := []byte(nil), true; more && err == nil; {
		err = c.do(ctx, func(f *flight) error {
			page, err := c.o.Engine.Asides(c.name, command.AsideParked, from, asidePage)
			if err != nil {
				return err
			}
			from, more = page.Next, page.Next != nil
			found := uint64(0)
			for i := range page.Asides {
				a := &page.Asides[i]
				selected, err := c.selects(&which, a)
				if err != nil {
					return err
				}
				if selected {
					each(f, a)
					found++
				}
			}
			if n += found; found == 0 {
				return errNothing
			}
			return nil
		})
	}
	if err == nil && n == 0 && !which.All {
		err = firn.Errorf(firn.ErrNotFound, "the group %s has parked no such event; list what it has parked", c.name)
	}
	return n, err
}

func (c *Coordinator) selects(which *firn.ParkedSelection, a *command.Aside) (bool, error) {
	if which.All || which.Stream != "" {
		return which.All || string(a.Stream) == which.Stream, nil
	}
	r, err := c.o.Engine.RecordAt(a.Position)
	if errors.Is(err, firn.ErrNotFound) {
		return false, nil // it was scavenged, and its id with it
	}
	if err != nil {
		return false, err
	}
	var decoder record.Decoder
	event, err := decoder.Event(r.Stream, r.Bytes)
	return event.ID == which.ID, err
}

// Rewind makes the group begin again behind a position: what is parked up to
// there stays parked, everything else up to there counts as settled, and what
// comes behind it is delivered. A dry run only tells what that would redeliver.
func (c *Coordinator) Rewind(ctx context.Context, to firn.Position, dryRun bool) (firn.Rewound, error) {
	v, err := c.standing(ctx, func(*view) bool { return true })
	if err != nil {
		return firn.Rewound{}, err
	}
	done := firn.Rewound{From: v.passed, To: to}
	if done.Redelivered, err = c.between(ctx, to, v.passed); err != nil || dryRun {
		return done, err
	}
	return done, c.do(ctx, func(f *flight) error {
		f.step.Rewind, f.step.Through = true, to
		kept := command.Counts{}
		err := EachParked(c.o.Engine, c.name, func(a *command.Aside) bool {
			if a.Position > to {
				return false
			}
			kept.Parked++
			if a.Holds {
				kept.Waiting++
			}
			return true
		})
		c.counts = kept
		return err
	})
}

// between counts the events behind one position and up to another that the
// group follows.
func (c *Coordinator) between(ctx context.Context, behind, to firn.Position) (n uint64, err error) {
	if behind >= to {
		return 0, nil
	}
	settings := c.settings()
	q := query(&settings)
	q.From = firn.PositionPoint(behind + 1)
	follower, err := c.o.Engine.Follow(q)
	if err != nil {
		return 0, err
	}
	defer follower.Rest()
	for follower.At() < to {
		b, err := follower.Next(ctx, c.o.Now())
		if err != nil {
			return n, err
		}
		for i := range b.Events {
			if e := &b.Events[i]; !e.Change && e.Position <= to {
				n++
			}
		}
	}
	return n, nil
}
