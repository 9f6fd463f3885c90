package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/sleep"
)

// ErrSuperseded is returned by a runner whose projection has been replaced by a
// higher version.
var ErrSuperseded = errors.New("the projection was replaced by a higher version")

// Runner feeds one projection. Its methods may be called from many goroutines.
type Runner struct {
	db     *sql.DB
	source Source
	p      Projection
	o      Options
	shown  *state // of Run

	made atomic.Bool // the runner's own tables are there
}

// New returns a runner. Nothing is read or written before Run. The error, an
// ErrInvalid, names everything that is wrong with the projection and the options.
func New(db *sql.DB, source Source, p Projection, o Options) (*Runner, error) {
	p, faults := p.check()
	o, more := o.check()
	if faults = append(faults, more...); len(faults) > 0 {
		return nil, firn.Errorf(firn.ErrInvalid, "projection %s: %v", p.Name, errors.Join(faults...))
	}
	return &Runner{db: db, source: source, p: p, o: o, shown: newState(o.OnProgress)}, nil
}

// Progress tells where Run stands.
func (r *Runner) Progress() Progress {
	p, _ := r.shown.get()
	return p
}

// Run projects until the context ends, and returns its error. In several
// processes at once, one projects and the others stand by.
//
// Where tables of a lower version serve, Run first fills a set of its own, which
// replaces them once it has caught up; a run that is cut off goes on with that
// set. Where a higher version serves, Run returns ErrSuperseded, also when that
// happens while it runs.
//
// Other errors: firn.ErrOtherHistory when the store was restored or recovered to
// before the checkpoint (then Rebuild), *HandlerError, what the source and the
// database return and trying again did not help against.
func (r *Runner) Run(ctx context.Context) error {
	for {
		s, err := r.find(ctx, false)
		if err == nil {
			err = r.project(ctx, s, r.shown, false)
		}
		if !errors.Is(err, errMoved) {
			return err
		}
	}
}

// Rebuild fills a new set of tables from the beginning while the ones that serve
// go on serving and being fed, by whoever runs them. When it has caught up with
// them, the new set replaces them in one transaction and Rebuild returns. A set
// of this version whose filling was cut off is filled further.
//
// Errors are those of Run.
func (r *Runner) Rebuild(ctx context.Context) error {
	shown := newState(r.o.OnProgress)
	for {
		s, err := r.find(ctx, true)
		if err == nil {
			err = r.project(ctx, s, shown, true)
		}
		if !errors.Is(err, errMoved) {
			return err
		}
	}
}

// project fills a set once it is this runner's turn. A set that was begun in
// another history and does not serve yet is begun anew.
func (r *Runner) project(ctx context.Context, s set, shown *state, once bool) error {
	err := r.claim(ctx, &s, shown)
	if err != nil {
		return err
	}
	shown.change(func(p *Progress) {
		*p = Progress{Set: s.number, Building: s.state == building, Position: s.position, Head: p.Head}
	})
	err = r.fill(ctx, &s, shown, once)
	shown.change(func(p *Progress) { p.Standby, p.Rate = true, 0 })
	if !errors.Is(err, firn.ErrOtherHistory) {
		return err
	}
	if s.state == building {
		return errors.Join(errMoved, drop(ctx, r.db, &s))
	}
	return firn.Errorf(firn.ErrOtherHistory, "projection %s was fed from history %s up to position %d, and the store has another history behind that: it was restored or recovered. Rebuild the projection (Runner.Rebuild, or a higher Version): %v",
		r.p.Name, s.history, s.position, err)
}

// find returns the set to fill, made where there is none: the one that serves,
// if it is of this version and no new one is wanted, else one that is being built.
func (r *Runner) find(ctx context.Context, anew bool) (found set, err error) {
	err = r.patiently(ctx, func() error {
		if err := r.createTables(ctx); err != nil {
			return err
		}
		all, err := sets(ctx, r.db, r.p.Name)
		if err != nil {
			return err
		}
		state, next := building, 1
		for _, s := range all {
			next = s.number + 1
			if s.state == building && s.version == r.p.Version {
				found = s
			}
		}
		switch old := oneServing(all); {
		case old != nil && old.version > r.p.Version:
			return fmt.Errorf("projection %s, version %d, is served in version %d: %w", r.p.Name, r.p.Version, old.version, ErrSuperseded)
		case old != nil && old.version == r.p.Version && !anew:
			found = *old
		case old == nil && !anew && found.number == 0:
			state = serving
		}
		if found.number > 0 {
			return nil
		}
		found = set{name: r.p.Name, number: next, version: r.p.Version, state: state, tables: r.p.Tables}
		if err := r.p.create(ctx, r.db, next, state); err != nil {
			found = set{}
			return err // unless another runner was faster: the next look finds its set
		}
		return nil
	})
	return found, err
}

// patiently does again what has failed, as often as allowed.
func (r *Runner) patiently(ctx context.Context, do func() error) error {
	for failures := 1; ; failures++ {
		err := do()
		switch {
		case err == nil, errors.Is(err, errMoved), errors.Is(err, ErrSuperseded):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case failures >= r.o.Attempts:
			return fmt.Errorf("projection %s: %w", r.p.Name, err)
		}
		r.shown.hinder(err)
		if err := sleep.For(ctx, r.o.backoff(failures)); err != nil {
			return err
		}
	}
}
