package sim

import (
	"context"
	"time"

	"github.com/firndb/firn"
)

// consistency makes up what a read asks for.
func (u *user) consistency() firn.Consistency {
	switch u.random.IntN(5) {
	case 0:
		return firn.Consistency{Local: true}
	case 1:
		return firn.Consistency{AtLeast: u.seen}
	}
	return firn.Consistency{}
}

func level(c firn.Consistency) string {
	switch {
	case c.AtLeast > 0:
		return "at least at a position"
	case c.Local:
		return "local"
	}
	return "linearizable"
}

// read reads at any node: a stream from a revision on, or a category.
func (u *user) read(q firn.Query) {
	c := u.g.c
	q.Consistency = u.consistency()
	if last, exact := u.last[q.Stream].Exact(); exact && q.Stream != "" {
		q.From = firn.RevisionPoint(last - min(last, firn.Revision(u.random.IntN(20))))
	}
	op := c.history.Read(u.number, q)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var events []firn.Event
	s := u.anyone()
	err := u.on(ctx, s, func(ctx context.Context, db firn.Store) error {
		for e, err := range db.Read(ctx, q) {
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		return nil
	})
	op.Showed(events, err)
	if err != nil {
		return
	}
	c.count(func(r *Report) { r.Reads[level(q.Consistency)]++ })
	if n := len(events); n > 0 && q.Stream != "" {
		u.last[q.Stream] = firn.At(events[n-1].Revision)
	}
}

func (u *user) head() {
	c := u.g.c
	consistency := u.consistency()
	op := c.history.Head(u.number, consistency)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var at firn.Position
	s := u.anyone()
	err := u.on(ctx, s, func(ctx context.Context, db firn.Store) (err error) {
		at, _, err = db.Head(ctx, consistency)
		return err
	})
	op.Headed(at, err)
	if err == nil {
		u.seen = max(u.seen, at)
		c.count(func(r *Report) { r.Reads[level(consistency)]++ })
	}
}
