package history

import (
	"context"
	"errors"
	"math/bits"

	"github.com/firndb/firn"
)

var errNoEvents = errors.New("there are no events to look at")

// Bisect finds the first event after which the condition holds, given that it
// holds from then on. It looks at both ends first, then at a sample of states
// between them, about as many as the search itself takes, to notice where the
// condition changes more than once; then it halves the first stretch in which the
// condition came to hold. The states that it loads are about twice the logarithm
// of the number of events.
func (p *Past) Bisect(ctx context.Context, c *Condition) (firn.Bisected, error) {
	var b firn.Bisected
	if p.Begin >= p.End {
		return b, firn.Errorf(firn.ErrNotFound, "%v", errNoEvents)
	}
	holds := func(revision uint64) (bool, error) {
		b.Loads++
		s, err := p.Source.State(ctx, revision+1)
		if err != nil {
			return false, err
		}
		return c.holds(ctx, revision, s.State, func() (firn.Event, error) { return p.event(ctx, revision) })
	}
	looked, err := p.sample(holds, &b)
	if err != nil {
		return b, err
	}
	last := len(looked) - 1
	b.AtStart, b.AtEnd = looked[0].holds, looked[last].holds
	first := 0 // the first look at which it held
	for i, l := range looked {
		if i > 0 && l.holds != looked[i-1].holds {
			b.Changes++
		}
		if l.holds && !looked[first].holds {
			first = i
		}
	}
	switch {
	case b.AtStart:
		return b, p.found(ctx, &b, p.Begin)
	case !looked[first].holds:
		return b, nil
	}
	low, high := looked[first-1].revision, looked[first].revision // it does not hold, it holds
	for high-low > 1 {
		middle := low + (high-low)/2
		yes, err := holds(middle)
		if err != nil {
			return b, err
		}
		if yes {
			high = middle
		} else {
			low = middle
		}
	}
	return b, p.found(ctx, &b, high)
}

type look struct {
	revision uint64
	holds    bool
}

// sample looks at the first and the last event, and at as many between them,
// evenly, as the number of events has binary digits.
func (p *Past) sample(holds func(uint64) (bool, error), b *firn.Bisected) ([]look, error) {
	n := p.End - p.Begin
	parts := min(uint64(bits.Len64(n))+1, max(n-1, 1))
	var looked []look
	for i := range parts + 1 {
		revision := p.Begin + (n-1)/parts*i + (n-1)%parts*i/parts
		if len(looked) > 0 && looked[len(looked)-1].revision == revision {
			continue
		}
		yes, err := holds(revision)
		if err != nil {
			return nil, err
		}
		looked = append(looked, look{revision, yes})
	}
	return looked, nil
}

// event returns the event of a revision.
func (p *Past) event(ctx context.Context, revision uint64) (firn.Event, error) {
	for e, err := range p.Source.Events(ctx, revision, revision+1) {
		return e, err
	}
	return firn.Event{}, firn.Errorf(firn.ErrNotFound, "revision %d is not visible any more", revision)
}

// found fills in what there is to say of the event that was found.
func (p *Past) found(ctx context.Context, b *firn.Bisected, revision uint64) error {
	e, err := p.event(ctx, revision)
	if err != nil {
		return err
	}
	b.Found, b.Event = true, described(&e)
	after, err := p.Source.State(ctx, revision+1)
	if err != nil {
		return err
	}
	b.HasState = after.State
	b.Loads++
	if revision > p.Begin {
		before, err := p.Source.State(ctx, revision)
		if err != nil {
			return err
		}
		b.Had = before.State
		b.Loads++
	}
	return nil
}

// Scan looks at every event, and so finds the first after which the condition
// holds, however often it changes.
func (p *Past) Scan(ctx context.Context, c *Condition) (firn.Bisected, error) {
	b := firn.Bisected{Exact: true, Loads: 1}
	if p.Begin >= p.End {
		return b, firn.Errorf(firn.ErrNotFound, "%v", errNoEvents)
	}
	held, seen := false, false
	err := p.replay(ctx, p.Begin, p.End, func(s *step) error {
		yes, err := c.holds(ctx, uint64(s.event.Revision), s.after.Bytes(), func() (firn.Event, error) { return *s.event, nil })
		if err != nil {
			return err
		}
		if seen && yes != held {
			b.Changes++
		}
		if yes && !b.Found {
			b.Found, b.Event, b.HasState = true, described(s.event), s.after.Bytes()
			if b.AtStart = !seen; seen {
				b.Had = s.before.Bytes()
			}
		}
		held, seen = yes, true
		return nil
	})
	b.AtEnd = held
	return b, err
}
