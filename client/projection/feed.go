package projection

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/sleep"
)

// saveMarks is how often a checkpoint is written while nothing comes that is
// followed, only marks that tell how far the store was looked through.
const saveMarks = 100 * time.Millisecond

// switchWait is how long the switch to a new set may wait for readers of the
// old one, who meanwhile hold up all others, and how long those then have peace.
const switchWait = 2 * time.Second

// feed fills one table set, for as long as it is this run's. The goroutine of
// fill applies; one reads the subscription, one shows that the run lives.
type feed struct {
	*Runner // its fields are read only
	shown   *state
	inbox   *inbox
	run     firn.ID
	once    bool // end when the set serves

	// Owned by the goroutine of fill.
	set      *set          // as this run has left it
	head     firn.Position // of the store when the run began
	ahead    firn.Position // what marks have told beyond the set's checkpoint
	saved    time.Time     // when the checkpoint was written
	caughtUp bool
	peace    time.Time               // until when not to try the switch again
	failures map[firn.Position]int   // how often a handler has failed, of what is not passed yet
	givenUp  map[firn.Position]error // what is to be set aside, and why
}

// fill applies what the subscription sends until it cannot go on: with errMoved
// when the set is no longer this run's.
func (r *Runner) fill(ctx context.Context, s *set, shown *state, once bool) error {
	f := &feed{
		Runner: r, shown: shown, set: s, once: once,
		inbox:    newInbox(s.position, r.o.BatchEvents, r.o.BatchBytes),
		failures: map[firn.Position]int{}, givenUp: map[firn.Position]error{},
	}
	if err := f.run.UnmarshalText([]byte(s.run)); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	var others sync.WaitGroup
	defer func() {
		stop(nil)
		others.Wait()
		f.release(ctx)
	}()
	others.Go(func() { stop(f.pulse(ctx)) })

	history, head, err := f.begin(ctx)
	if err != nil {
		return err
	}
	f.head = head
	shown.lead(head)
	if s.history.IsZero() {
		s.history = history
	}
	from := s.history
	others.Go(func() { f.read(ctx, from) })
	err = f.loop(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// loop applies batches, one after the other.
func (f *feed) loop(ctx context.Context) error {
	for {
		items, err := f.inbox.take(ctx, f.patience())
		if err != nil {
			return err
		}
		if err := f.batch(ctx, items); err != nil {
			return err
		}
		if last, torn := f.inbox.torn(); torn && items == nil {
			if err := f.mend(ctx, last); err != nil {
				f.shown.hinder(err)
			}
		}
		if f.set.state == building && f.caughtUp && time.Now().After(f.peace) {
			if done, err := f.serve(ctx); err != nil || done && f.once {
				return err
			}
		}
	}
}

// patience is how long to wait for the next item before something else is due.
func (f *feed) patience() time.Duration {
	switch {
	case f.ahead > f.set.position:
		return max(0, saveMarks-time.Since(f.saved))
	case f.set.state == building && f.caughtUp:
		return saveMarks
	}
	return time.Minute
}

// batch applies items, or notes what marks tell until it is time to write it.
func (f *feed) batch(ctx context.Context, items []item) error {
	events := uint64(0)
	for i := range items {
		if items[i].told() {
			events++
		} else if items[i].mark.Kind == firn.CaughtUp {
			f.caughtUp = true
		}
	}
	if n := len(items); n > 0 {
		f.ahead = items[n-1].upTo()
	}
	if events == 0 && (f.ahead <= f.set.position || time.Since(f.saved) < saveMarks) {
		f.note(items)
		f.shown.move(f.ahead, 0, f.caughtUp)
		return nil
	}
	if err := f.commit(ctx, items); err != nil {
		return err
	}
	f.shown.move(f.ahead, events, f.caughtUp)
	return nil
}

// note takes over the history that marks tell.
func (f *feed) note(items []item) {
	for i := range items {
		if m := items[i].mark; m != nil && !m.History.IsZero() {
			f.set.history = m.History
		}
	}
}

// serve makes the set serve, unless what serves is ahead of it.
func (f *feed) serve(ctx context.Context) (bool, error) {
	bounded, cancel := context.WithTimeout(ctx, switchWait)
	defer cancel()
	done, err := replace(bounded, f.db, f.set)
	switch {
	case errors.Is(err, errMoved), ctx.Err() != nil:
		return false, err
	case err != nil:
		f.shown.hinder(err)
		f.peace = time.Now().Add(switchWait)
	case done:
		f.set.state = serving
		f.shown.hinder(nil)
		f.shown.change(func(p *Progress) { p.Building = false })
	}
	return done, nil
}

// pulse shows others that the run lives, and watches how it goes, until the
// context ends or the set is another run's.
func (f *feed) pulse(ctx context.Context) error {
	replaced := map[int]time.Time{} // when it was first seen that the set can go
	for sleep.For(ctx, f.o.beat()) == nil {
		if mine, err := update(ctx, f.db, beatSet, f.p.Name, f.set.number, f.run.String()); err == nil && !mine {
			return errMoved
		}
		if head, _, err := f.source.Head(ctx, firn.Consistency{Local: true}); err == nil {
			f.shown.lead(head)
		}
		f.shown.tick()
		f.tidy(ctx, replaced)
	}
	return nil
}
