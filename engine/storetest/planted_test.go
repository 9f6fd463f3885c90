package storetest_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/storetest"
)

// faulty is a store that breaks one rule: whichever function is set replaces
// the store's own.
type faulty struct {
	firn.Store
	append  func(firn.Store, []firn.Write) (firn.Appended, error)
	query   func(firn.Query) firn.Query                               // before it is asked
	events  func([]firn.Event) []firn.Event                           // before they are shown
	refused func(firn.Store, firn.Query, error) ([]firn.Event, error) // instead of a read's error
	stream  func(firn.StreamInfo) firn.StreamInfo
	list    func(firn.StreamQuery) firn.StreamQuery
	change  func(firn.Life) firn.Life

	subscription func(ctx context.Context, s firn.Store, q firn.Query, yield func(firn.Message, error) bool)
}

func (f *faulty) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	if f.subscription == nil {
		return f.Store.Subscribe(ctx, q)
	}
	return func(yield func(firn.Message, error) bool) { f.subscription(ctx, f.Store, q, yield) }
}

func (f *faulty) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	if f.append == nil {
		return f.Store.Append(ctx, writes...)
	}
	return f.append(f.Store, writes)
}

func (f *faulty) Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		asked := q
		if f.query != nil {
			asked = f.query(q)
		}
		var events []firn.Event
		var failed error
		for e, err := range f.Store.Read(ctx, asked) {
			if failed = err; err == nil {
				events = append(events, e)
			}
		}
		if f.events != nil {
			events = f.events(events)
		}
		if failed != nil && f.refused != nil {
			events, failed = f.refused(f.Store, q, failed)
		}
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
		if failed != nil {
			yield(firn.Event{}, failed)
		}
	}
}

func (f *faulty) Stream(ctx context.Context, name string, at firn.Point) (firn.StreamInfo, error) {
	info, err := f.Store.Stream(ctx, name, at)
	if err == nil && f.stream != nil {
		info = f.stream(info)
	}
	return info, err
}

func (f *faulty) Streams(ctx context.Context, q firn.StreamQuery) iter.Seq2[firn.StreamInfo, error] {
	if f.list != nil {
		q = f.list(q)
	}
	return f.Store.Streams(ctx, q)
}

func (f *faulty) Change(ctx context.Context, stream string, expect firn.Expectation, life firn.Life) (firn.Position, error) {
	if f.change != nil {
		life = f.change(life)
	}
	return f.Store.Change(ctx, stream, expect, life)
}

// planted are the broken stores, one for each rule.
var planted = map[string]func() *faulty{
	"an event is lost": func() *faulty {
		return &faulty{events: func(events []firn.Event) []firn.Event {
			return slices.DeleteFunc(events, func(e firn.Event) bool { return e.Position%40 == 0 })
		}}
	},
	"two events are swapped": func() *faulty {
		return &faulty{events: func(events []firn.Event) []firn.Event {
			if len(events) > 3 {
				events[1], events[2] = events[2], events[1]
			}
			return events
		}}
	},
	"an event is shown twice": func() *faulty {
		return &faulty{events: func(events []firn.Event) []firn.Event {
			if len(events) > 3 {
				events = append(events, events[len(events)-1])
			}
			return events
		}}
	},
	"a field is dropped":         eachEvent(func(e *firn.Event) { e.CausationID = "" }),
	"a time is off by one":       eachEvent(func(e *firn.Event) { e.Time = e.Time.Add(time.Microsecond) }),
	"a time is not in UTC":       eachEvent(func(e *firn.Event) { e.Time = e.Time.In(time.FixedZone("", 3600)) }),
	"an append's size is wrong":  eachEvent(func(e *firn.Event) { e.Count = 1 }),
	"expectations are ignored":   eachWrite(func(w *firn.Write) { w.Expect = firn.Any }),
	"exists is taken for any":    expectationAs(firn.Exists, firn.Any),
	"none is taken for any":      expectationAs(firn.None, firn.Any),
	"checks are ignored":         checksIgnored,
	"several streams, not one":   notAtomic,
	"a repeat is appended again": repeatedAgain,
	"a repeat gets a new time": func() *faulty {
		return &faulty{append: func(s firn.Store, writes []firn.Write) (firn.Appended, error) {
			done, err := s.Append(context.Background(), writes...)
			if done.Repeated {
				_, done.Time, _ = s.Head(context.Background(), firn.Consistency{})
			}
			return done, err
		}}
	},
	"a conflict says the wrong revision": func() *faulty {
		return &faulty{append: func(s firn.Store, writes []firn.Write) (firn.Appended, error) {
			done, err := s.Append(context.Background(), writes...)
			var c *firn.ConflictError
			if errors.As(err, &c) {
				err = (&firn.ConflictError{Stream: c.Stream, Expected: c.Expected, Actual: firn.None}).Err()
			}
			return done, err
		}}
	},
	"an id with other content is taken for a repeat": otherContent,
	"a deleted stream is shown":                      deletedShown,
	"a deleted stream is not found": func() *faulty {
		return &faulty{refused: func(_ firn.Store, q firn.Query, err error) ([]firn.Event, error) {
			if errors.Is(err, firn.ErrDeleted) {
				err = firn.Errorf(firn.ErrNotFound, "no stream")
			}
			return nil, err
		}}
	},
	"a missing stream reads as empty": func() *faulty {
		return &faulty{refused: func(_ firn.Store, _ firn.Query, err error) ([]firn.Event, error) {
			if errors.Is(err, firn.ErrNotFound) {
				err = nil
			}
			return nil, err
		}}
	},
	"types are not filtered":        eachQuery(func(q *firn.Query) { q.Types = nil }),
	"the limit is forgotten":        eachQuery(func(q *firn.Query) { q.Limit = 0 }),
	"the bound is forgotten":        eachQuery(func(q *firn.Query) { q.Bound = firn.Point{} }),
	"the beginning is forgotten":    eachQuery(func(q *firn.Query) { q.From = firn.Point{} }),
	"the direction is forgotten":    eachQuery(func(q *firn.Query) { q.Backwards = false }),
	"the system's streams are seen": eachQuery(func(q *firn.Query) { q.System = true }),
	"a position is exclusive": eachQuery(func(q *firn.Query) {
		if q.From.Kind() == firn.PointPosition && !q.Backwards {
			q.From = firn.PositionPoint(q.From.Position() + 1)
		}
	}),
	"a moment is exclusive": eachQuery(func(q *firn.Query) {
		if q.Bound.Kind() == firn.PointMoment {
			q.Bound = firn.MomentPoint(q.Bound.Moment().Add(-time.Microsecond))
		}
	}),
	"a truncation is off by one": eachLife(func(l firn.Life) firn.Life {
		if t, ok := l.(firn.Truncate); ok && t.Before > 0 {
			return firn.Truncate{Before: t.Before - 1}
		}
		return l
	}),
	"a count is off by one": eachLife(func(l firn.Life) firn.Life {
		if t, ok := l.(firn.Limits); ok && t.MaxCount > 0 {
			t.MaxCount++
			return t
		}
		return l
	}),
	"a tombstone is only a delete": eachLife(func(l firn.Life) firn.Life {
		if _, ok := l.(firn.Tombstone); ok {
			return firn.Delete{}
		}
		return l
	}),
	"ages are not looked at": eachLife(func(l firn.Life) firn.Life {
		if t, ok := l.(firn.Limits); ok && t.MaxAge == time.Microsecond {
			t.MaxAge = time.Hour
			return t
		}
		return l
	}),
	"events are counted wrongly": func() *faulty {
		return &faulty{stream: func(i firn.StreamInfo) firn.StreamInfo { i.Events = uint64(i.Revision + 1); return i }}
	},
	"a moment that is over is called open": func() *faulty {
		return &faulty{stream: func(i firn.StreamInfo) firn.StreamInfo { i.Open = true; return i }}
	},
	"a listing forgets its page": func() *faulty {
		return &faulty{list: func(q firn.StreamQuery) firn.StreamQuery { q.After = ""; return q }}
	},
	"a listing forgets the past": func() *faulty {
		return &faulty{list: func(q firn.StreamQuery) firn.StreamQuery { q.Bound = firn.Point{}; return q }}
	},
}

func init() { maps.Copy(planted, plantedSubscriptions) }

// TestPlantedBugs shows that the comparison finds what it is there to find: a
// checker that has never failed proves nothing.
func TestPlantedBugs(t *testing.T) {
	for name, plant := range planted {
		t.Run(name, func(t *testing.T) {
			const seeds, steps = 5, 800
			for seed := range uint64(seeds) {
				store := plant()
				store.Store = firn.Memory()
				if err := storetest.Compare(t.Context(), seed, steps, store, firn.Memory()); err == nil {
					continue
				} else if seed == 0 {
					t.Log(err)
				}
				return
			}
			t.Errorf("%d runs of %d operations found nothing", seeds, steps)
		})
	}
}
