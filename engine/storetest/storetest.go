package storetest

import (
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/firndb/firn"
)

// Run tests a store against everything that firn.Store promises. It calls open
// once for each noun.
func Run(t *testing.T, open func(t *testing.T) firn.Store) {
	for _, noun := range []struct {
		name string
		test func(s *tester)
	}{
		{"append", testAppend},
		{"expectations", testExpectations},
		{"dated", testDated},
		{"atomic", testAtomic},
		{"checks", testChecks},
		{"repetition", testRepetition},
		{"reads", testReads},
		{"life", testLife},
		{"limits", testLimits},
		{"category-limits", testCategoryLimits},
		{"bounds", testBounds},
		{"streams", testStreams},
		{"fields", testFields},
		{"causes", testCauses},
		{"sizes", testSizes},
		{"errors", testErrors},
		{"iterators", testIterators},
		{"subscriptions", testSubscriptions},
		{"snapshots", testSnapshots},
		{"concurrency", testConcurrency},
	} {
		t.Run(noun.name, func(t *testing.T) { noun.test(&tester{t, open(t)}) })
	}
}

// tester is a store whose failures end the test.
type tester struct {
	t *testing.T
	firn.Store
}

// sub runs a subtest on the same store.
func (s *tester) sub(name string, test func(s *tester)) {
	s.t.Run(name, func(t *testing.T) { test(&tester{t, s.Store}) })
}

// tick lets the clock move on, so that the next event's time differs from the
// last one's.
func tick() { time.Sleep(5 * time.Microsecond) }

// append appends, and checks what any answer must hold.
func (s *tester) append(writes ...firn.Write) firn.Appended {
	s.t.Helper()
	tick()
	done, err := s.Append(s.t.Context(), writes...)
	if err != nil {
		s.t.Fatalf("append: %v", err)
	}
	return done
}

// fill appends n events of type T to a stream, each in an append of its own,
// and returns them as they are read back.
func (s *tester) fill(stream string, n int) []firn.Event {
	s.t.Helper()
	for range n {
		s.append(firn.To(stream, firn.Any, draft("T")))
	}
	return s.read(firn.Query{Stream: stream})
}

func (s *tester) change(stream string, life firn.Life) firn.Position {
	s.t.Helper()
	tick()
	at, err := s.Change(s.t.Context(), stream, firn.Any, life)
	if err != nil {
		s.t.Fatalf("%T of %q: %v", life, stream, err)
	}
	return at
}

func (s *tester) read(q firn.Query) []firn.Event {
	s.t.Helper()
	tick()
	events, err := collect(s.Read(s.t.Context(), q))
	if err != nil {
		s.t.Fatalf("read %+v: %v", q, err)
	}
	return events
}

func (s *tester) readError(q firn.Query) error {
	_, err := collect(s.Read(s.t.Context(), q))
	return err
}

func (s *tester) list(q firn.StreamQuery) []firn.StreamInfo {
	s.t.Helper()
	infos, err := collect(s.Streams(s.t.Context(), q))
	if err != nil {
		s.t.Fatalf("streams %+v: %v", q, err)
	}
	return infos
}

func (s *tester) info(stream string, at firn.Point) firn.StreamInfo {
	s.t.Helper()
	tick()
	info, err := s.Stream(s.t.Context(), stream, at)
	if err != nil {
		s.t.Fatalf("stream %q at %q: %v", stream, at, err)
	}
	return info
}

func (s *tester) head() firn.Position {
	s.t.Helper()
	head, _, err := s.Head(s.t.Context(), firn.Consistency{})
	if err != nil {
		s.t.Fatalf("head: %v", err)
	}
	return head
}

// want ends the test unless err is an *firn.Error of the kind, with a message.
func (s *tester) want(kind firn.Kind, err error) *firn.Error {
	s.t.Helper()
	var e *firn.Error
	if !errors.As(err, &e) {
		s.t.Fatalf("got %v (%T), want the error %v", err, err, kind)
	}
	if e.Kind != kind || !errors.Is(err, kind) {
		s.t.Fatalf("got the error %v (%v), want %v", e.Kind, err, kind)
	}
	if e.Error() == "" {
		s.t.Fatalf("the error %v says nothing", kind)
	}
	return e
}

// fails appends and expects an error of the kind and that nothing was written.
func (s *tester) fails(kind firn.Kind, writes ...firn.Write) *firn.Error {
	s.t.Helper()
	before := s.head()
	_, err := s.Append(s.t.Context(), writes...)
	e := s.want(kind, err)
	if after := s.head(); after != before {
		s.t.Fatalf("the refused append moved the head from %d to %d", before, after)
	}
	return e
}

// shows ends the test unless the query yields exactly the events.
func (s *tester) shows(q firn.Query, want ...firn.Event) {
	s.t.Helper()
	got := s.read(q)
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			s.t.Fatalf("read %+v: %d events, want %d; one too many: %s", q, len(got), len(want), eventLine(got[i]))
		case i >= len(got):
			s.t.Fatalf("read %+v: %d events, want %d; missing: %s", q, len(got), len(want), eventLine(want[i]))
		case eventLine(got[i]) != eventLine(want[i]) || !got[i].Time.Equal(want[i].Time):
			s.t.Fatalf("read %+v: event %d:\n got %s\nwant %s", q, i, eventLine(got[i]), eventLine(want[i]))
		}
	}
}

// collect drains an iterator. An error must be its last element.
func collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	var failed error
	for v, err := range seq {
		if failed != nil {
			return nil, errors.New("the iterator went on after an error")
		}
		if err != nil {
			failed = err
			continue
		}
		all = append(all, v)
	}
	return all, failed
}

// draft returns a draft of a type, with an id of its own and a little data.
func draft(typ string) firn.Draft {
	return firn.Draft{ID: firn.NewID(), Type: typ, Data: []byte(`{"n":1}`)}
}

// drafts returns n of them.
func drafts(n int) []firn.Draft {
	var all []firn.Draft
	for range n {
		all = append(all, draft("T"))
	}
	return all
}

func position(p firn.Position) firn.Point { return firn.PositionPoint(p) }
func revision(r firn.Revision) firn.Point { return firn.RevisionPoint(r) }
func moment(t time.Time) firn.Point       { return firn.MomentPoint(t) }
