package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/firndb/firn"
)

// testReads goes through every combination of target, direction, beginning and
// bound, with filters and limits in turn, on a small store whose events are
// all known, and picks the wanted events from a list with the plainest of
// loops.
func testReads(s *tester) {
	s.sub("of an empty store", func(s *tester) {
		s.shows(firn.Query{All: true})
		s.shows(firn.Query{All: true, Backwards: true, System: true})
		s.shows(firn.Query{Category: "read"})
		s.shows(firn.Query{ID: firn.NewID()})
		s.want(firn.ErrNotFound, s.readError(firn.Query{Stream: "read-1"}))
	})

	// Three appends, one of them to two streams, and a change of life.
	all := sampleEvents(s)
	shared := all[0].ID

	targets := map[string]func(firn.Event) bool{
		"stream":   func(e firn.Event) bool { return e.Stream == "read-1" },
		"category": func(e firn.Event) bool { return firn.Category(e.Stream) == "read" },
		"all":      func(e firn.Event) bool { return !firn.IsSystem(e.Stream) },
		"system":   func(e firn.Event) bool { return true },
		"id":       func(e firn.Event) bool { return e.ID == shared },
	}
	query := func(target string) firn.Query {
		switch target {
		case "stream":
			return firn.Query{Stream: "read-1"}
		case "category":
			return firn.Query{Category: "read"}
		case "id":
			return firn.Query{ID: shared}
		}
		return firn.Query{All: true, System: target == "system"}
	}
	for target, selects := range targets {
		s.sub(target, func(s *tester) {
			points := samplePoints(all, target == "stream")
			filters := [][]string{{"B"}, {"A", "C"}, {"none such"}, nil, {firn.TypeMetadata, "A"}}
			turn := 0
			for _, from := range points {
				for _, bound := range points {
					for _, backwards := range []bool{false, true} {
						q := query(target)
						q.From, q.Bound, q.Backwards = from, bound, backwards
						s.pick(q, all, selects)
						turn++
						q.Types, q.Limit = filters[turn%len(filters)], uint64(turn%4)
						s.pick(q, all, selects)
					}
				}
			}
		})
	}
}

// sampleEvents writes a few events and returns all that the store then holds,
// in order of position.
func sampleEvents(s *tester) []firn.Event {
	s.t.Helper()
	a, b, c := draft("A"), draft("B"), draft("C")
	var done []firn.Appended
	done = append(done, s.append(firn.To("read-1", firn.None, a, b)))
	done = append(done, s.append(firn.To("other-1", firn.None, c), firn.To("read-2", firn.None, a)))
	s.change("other-1", firn.Metadata{Data: []byte("{}")})
	done = append(done, s.append(firn.To("read-1", firn.At(1), c), firn.To("alone", firn.None, b)))

	var all []firn.Event
	for _, d := range done {
		index := uint32(0)
		for _, w := range d.Writes {
			for i, id := range w.IDs {
				e := firn.Event{
					Stream: w.Stream, Revision: w.FirstRevision + firn.Revision(i), Position: w.FirstPosition + firn.Position(i),
					Time: d.Time, ID: id, ContentType: firn.JSON, Data: a.Data, Index: index,
					Count: uint32(d.Position - d.Writes[0].FirstPosition + 1),
				}
				e.Type = map[firn.ID]string{a.ID: "A", b.ID: "B", c.ID: "C"}[id]
				all = append(all, e)
				index++
			}
		}
	}
	life := s.read(firn.Query{Stream: firn.LifeStream("other-1")})
	if len(life) != 1 || life[0].Type != firn.TypeMetadata {
		s.t.Fatalf("the change of metadata is recorded as %v", life)
	}
	all = append(all, life...)
	slices.SortFunc(all, func(x, y firn.Event) int { return int(x.Position) - int(y.Position) })
	return all
}

// samplePoints returns points of every kind, on events and between them. None
// is before the first event of the store.
func samplePoints(all []firn.Event, revisions bool) []firn.Point {
	last := all[len(all)-1]
	points := []firn.Point{{}, firn.StartPoint(), firn.EndPoint(),
		position(0), position(1), position(4), position(last.Position), position(last.Position + 9),
		moment(all[0].Time), moment(all[3].Time), moment(last.Time.Add(-time.Microsecond)), moment(last.Time.Add(time.Hour)),
	}
	if revisions {
		points = append(points, revision(0), revision(1), revision(2), revision(9))
	}
	return points
}

// pick compares the answer to a query with what a loop over all events picks.
func (s *tester) pick(q firn.Query, all []firn.Event, selects func(firn.Event) bool) {
	s.t.Helper()
	var want []firn.Event
	written := false // the stream, as of the bound
	for _, e := range all {
		if !selects(e) || !reaches(q.Bound, e, all) {
			continue
		}
		written = true
		if (len(q.Types) == 0 || slices.Contains(q.Types, e.Type)) && starts(q, e) {
			want = append(want, e)
		}
	}
	if q.Stream != "" && !written {
		s.want(firn.ErrNotFound, s.readError(q))
		return
	}
	if q.Backwards {
		slices.Reverse(want)
	}
	if q.Limit > 0 && uint64(len(want)) > q.Limit {
		want = want[:q.Limit]
	}
	got, err := collect(s.Read(s.t.Context(), q))
	if err != nil {
		s.t.Fatalf("read %s: %v", show(q), err)
	}
	same := func(a, b firn.Event) bool { return eventLine(a) == eventLine(b) && a.Time.Equal(b.Time) }
	if !slices.EqualFunc(got, want, same) {
		s.t.Fatalf("read %s:\n got%s\nwant%s", show(q), lines(got), lines(want))
	}
}

// reaches reports whether the event is within the bound.
func reaches(bound firn.Point, e firn.Event, all []firn.Event) bool {
	switch bound.Kind() {
	case firn.PointStart:
		return false
	case firn.PointPosition:
		return e.Position <= bound.Position()
	case firn.PointMoment:
		return !e.Time.After(bound.Moment())
	case firn.PointRevision:
		for _, at := range all {
			if at.Stream == "read-1" && at.Revision == bound.Revision() {
				return e.Position <= at.Position
			}
		}
	}
	return true
}

// starts reports whether the event is on the right side of the beginning.
func starts(q firn.Query, e firn.Event) bool {
	switch q.From.Kind() {
	case firn.PointStart:
		return !q.Backwards
	case firn.PointEnd:
		return q.Backwards
	case firn.PointPosition:
		return e.Position == q.From.Position() || (e.Position > q.From.Position()) != q.Backwards
	case firn.PointRevision:
		return e.Revision == q.From.Revision() || (e.Revision > q.From.Revision()) != q.Backwards
	case firn.PointMoment:
		return e.Time.Equal(q.From.Moment()) || e.Time.After(q.From.Moment()) != q.Backwards
	}
	return true
}

func show(q firn.Query) string {
	return fmt.Sprintf("%s from %q bound %q backwards %t limit %d system %t",
		target(q), q.From, q.Bound, q.Backwards, q.Limit, q.System)
}

func lines(events []firn.Event) string {
	var text string
	for _, e := range events {
		text += "\n  " + eventLine(e) + " " + e.Time.Format(time.RFC3339Nano)
	}
	return text
}
