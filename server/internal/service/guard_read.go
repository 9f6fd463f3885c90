package service

import (
	"context"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/internal/security"
)

// see waits for what the query's consistency asks for and narrows the query to
// what its caller may see. Where it asks by an id, what comes is to be looked at
// again.
func (g Guard) see(ctx context.Context, q *firn.Query) (onBehalf, error) {
	if err := g.current(ctx, &q.Consistency); err != nil {
		return onBehalf{}, err
	}
	on, err := g.on(ctx)
	if err != nil {
		return on, err
	}
	return on, g.refused(narrow(on.user, q))
}

func narrow(u *security.User, q *firn.Query) (err error) {
	const doing = "read the stream"
	switch {
	case q.Stream != "":
		return u.May(firn.RoleRead, doing, q.Stream)
	case q.System:
		return u.May(firn.RoleAdmin, "read the streams of the system", "")
	case q.ByID():
		return u.May(firn.RoleRead, doing, "")
	case q.Category != "" && !u.OverlapsCategory(q.Category):
		return u.MayAll(firn.RoleRead, "read the category "+q.Category, q.Category+"-")
	}
	q.StreamPrefixes, err = u.Narrow("read these streams", q.StreamPrefixes)
	return err
}

// Records is [Service.Records].
func (g Guard) Records(ctx context.Context, q firn.Query) iter.Seq2[record.Stored, error] {
	return seen(ctx, g, q, g.s.Records, func(r *record.Stored) string { return r.Stream })
}

// Read is [Service.Read].
func (g Guard) Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error] {
	return seen(ctx, g, q, g.s.Read, func(e *firn.Event) string { return e.Stream })
}

// seen reads what the query selects and its caller may see.
func seen[T any](ctx context.Context, g Guard, q firn.Query, read func(context.Context, firn.Query) iter.Seq2[T, error], stream func(*T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := q.Check(); err != nil {
			failed[T](err)(yield)
			return
		}
		on, err := g.see(ctx, &q)
		if err != nil {
			failed[T](err)(yield)
			return
		}
		again := q.ByID() && !on.user.Everything()
		left := q.Limit
		if again {
			q.Limit = 0
		}
		for one, err := range while(g, on, read(ctx, q)) {
			if err == nil && again && !on.user.Covers(stream(&one)) {
				continue
			}
			if !yield(one, err) || err != nil {
				return
			}
			if left--; again && left == 0 {
				return
			}
		}
	}
}

// Follow is [Service.Follow]. It ends with an error where what the caller may do
// changes.
func (g Guard) Follow(ctx context.Context, q firn.Query) (*Following, error) {
	if err := q.CheckSubscribe(); err != nil {
		return nil, err
	}
	on, err := g.see(ctx, &q)
	if err != nil {
		return nil, err
	}
	w := g.s.watch(&on, nil)
	f, err := g.s.follow(ctx, q, w)
	if err != nil {
		g.s.unwatch(w)
	}
	return f, err
}

// Stream is [Service.Stream].
func (g Guard) Stream(ctx context.Context, name string, at firn.Point, c firn.Consistency) (firn.StreamInfo, error) {
	if err := firn.CheckStreamName(name); err != nil {
		return firn.StreamInfo{}, err
	}
	if err := g.current(ctx, &c); err != nil {
		return firn.StreamInfo{}, err
	}
	if _, err := g.may(ctx, firn.RoleRead, "read the stream", name); err != nil {
		return firn.StreamInfo{}, err
	}
	return g.s.Stream(ctx, name, at, c)
}

// Streams is [Service.Streams].
func (g Guard) Streams(ctx context.Context, q firn.StreamQuery) iter.Seq2[firn.StreamInfo, error] {
	return func(yield func(firn.StreamInfo, error) bool) {
		prefixes, on, err := g.seeStreams(ctx, &q)
		if err != nil {
			failed[firn.StreamInfo](err)(yield)
			return
		}
		left := q.Limit
		for _, q.Prefix = range prefixes {
			q.Limit = left
			for info, err := range while(g, on, g.s.Streams(ctx, q)) {
				if !yield(info, err) || err != nil {
					return
				}
				if left--; left == 0 && q.Limit > 0 {
					return
				}
			}
		}
	}
}

// seeStreams returns how the names begin that the caller may see of a list: in
// order, none within another.
func (g Guard) seeStreams(ctx context.Context, q *firn.StreamQuery) (prefixes []string, on onBehalf, err error) {
	if err := q.Check(); err != nil {
		return nil, on, err
	}
	if err := g.current(ctx, &q.Consistency); err != nil {
		return nil, on, err
	}
	if on, err = g.on(ctx); err != nil {
		return nil, on, err
	}
	const doing = "list these streams"
	u := on.user
	switch {
	case q.System:
		err = u.May(firn.RoleAdmin, "list the streams of the system", "")
	case q.Category != "" && !u.OverlapsCategory(q.Category):
		err = u.MayAll(firn.RoleRead, "list the streams of the category "+q.Category, q.Category+"-")
	}
	if err == nil {
		prefixes, err = u.Narrow(doing, []string{q.Prefix})
	}
	return prefixes, on, g.refused(err)
}

// Head is [Service.Head]; whoever is known may ask.
func (g Guard) Head(ctx context.Context, c firn.Consistency) (firn.Position, time.Time, error) {
	if err := g.current(ctx, &c); err != nil {
		return 0, time.Time{}, err
	}
	if _, err := g.on(ctx); err != nil {
		return 0, time.Time{}, err
	}
	return g.s.Head(ctx, c)
}

// Resolve is [Service.Resolve]; whoever is known may ask.
func (g Guard) Resolve(ctx context.Context, p firn.Point, c firn.Consistency) (position firn.Position, open bool, err error) {
	if err := g.current(ctx, &c); err != nil {
		return 0, false, err
	}
	if _, err := g.on(ctx); err != nil {
		return 0, false, err
	}
	return g.s.Resolve(ctx, p, c)
}

// Stats is [Service.Stats].
func (g Guard) Stats(ctx context.Context, c firn.Consistency) (engine.Stats, error) {
	if err := g.current(ctx, &c); err != nil {
		return engine.Stats{}, err
	}
	if err := g.SeeFigures(ctx); err != nil {
		return engine.Stats{}, err
	}
	return g.s.Stats(ctx, c)
}

// Scavenge is [Service.Scavenge].
func (g Guard) Scavenge(ctx context.Context, id firn.ID, progress func(done, total uint64)) (Scavenged, error) {
	actor, err := g.Administer(ctx, "scavenge")
	if err != nil {
		return Scavenged{}, err
	}
	return g.s.Scavenge(ctx, actor, id, progress)
}

// Scavengeable is [Service.Scavengeable].
func (g Guard) Scavengeable(ctx context.Context, progress func(done, total uint64)) (Scavenged, error) {
	if _, err := g.Administer(ctx, "count what could be scavenged"); err != nil {
		return Scavenged{}, err
	}
	return g.s.Scavengeable(ctx, progress)
}

// Verify is [Service.Verify].
func (g Guard) Verify(ctx context.Context, progress func(done, total uint64)) (engine.Report, error) {
	if _, err := g.Administer(ctx, "verify a node"); err != nil {
		return engine.Report{}, err
	}
	return g.s.Verify(ctx, progress)
}
