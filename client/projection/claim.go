package projection

import (
	"context"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/sleep"
)

// claim makes a set this run's: at once if it is nobody's, else when nothing has
// been seen of its run for as long as Options.Takeover. That decides only who
// should project; that no two do is decided by the conditions of claimSet and
// advanceSet.
func (r *Runner) claim(ctx context.Context, s *set, shown *state) error {
	seen := time.Now()
	for {
		if s.run == "" || time.Since(seen) >= r.o.Takeover {
			run := firn.NewID().String()
			mine := false
			err := r.patiently(ctx, func() (err error) {
				mine, err = update(ctx, r.db, claimSet, run, s.name, s.number, s.state, s.run, int64(s.position), s.beat)
				return err
			})
			if err != nil {
				return err
			}
			if mine {
				s.run = run
				return nil
			}
		}
		former := *s
		if err := r.patiently(ctx, func() error { return again(ctx, r.db, s) }); err != nil {
			return err
		}
		if s.run == former.run && s.position == former.position && s.beat == former.beat {
			if err := sleep.For(ctx, r.o.beat()/2); err != nil {
				return err
			}
		} else {
			seen = time.Now()
			shown.change(func(p *Progress) {
				*p = Progress{Set: s.number, Standby: true, Building: s.state == building, Position: s.position, Head: max(p.Head, s.position)}
			})
		}
	}
}

// again reads the set's row anew.
func again(ctx context.Context, db querier, s *set) error {
	all, err := sets(ctx, db, s.name)
	if err != nil {
		return err
	}
	for _, now := range all {
		if now.number == s.number && now.state == s.state {
			*s = now
			return nil
		}
	}
	return errMoved
}

// release lets another runner project at once.
func (f *feed) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	// Where it does not succeed, the others wait for Takeover.
	update(ctx, f.db, releaseSet, f.p.Name, f.set.number, f.run.String())
}

// tidy drops sets that were replaced a while ago, and those of lower versions
// that never served.
func (f *feed) tidy(ctx context.Context, replaced map[int]time.Time) {
	ctx, cancel := context.WithTimeout(ctx, f.o.beat()) // dropping waits for readers; the pulse must go on
	defer cancel()
	all, err := sets(ctx, f.db, f.p.Name)
	if err != nil {
		return // the next pulse looks again
	}
	current := oneServing(all)
	if current == nil || current.number != f.set.number {
		return
	}
	for i := range all {
		s := &all[i]
		if s.state != retired && (s.state != building || s.version >= current.version) {
			continue
		}
		since, known := replaced[s.number]
		if !known {
			replaced[s.number] = time.Now()
		} else if time.Since(since) >= f.o.DropAfter {
			drop(ctx, f.db, s) // the next pulse tries again
		}
	}
}
