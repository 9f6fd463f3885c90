package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/firndb/firn"
)

const (
	writers = 8
	rounds  = 15
)

// testConcurrency: many callers at once.
func testConcurrency(s *tester) {
	s.sub("one winner a revision", func(s *tester) {
		won := make([][]firn.Written, writers)
		s.together(func(ctx context.Context, writer int) error {
			for next := firn.Revision(0); next < rounds; next++ {
				expect := firn.None
				if next > 0 {
					expect = firn.At(next - 1)
				}
				done, err := s.Append(ctx, firn.To("race-1", expect, draft(fmt.Sprint("Writer", writer))))
				var conflict *firn.ConflictError
				switch {
				case err == nil:
					won[writer] = append(won[writer], done.Writes[0])
				case !errors.As(err, &conflict):
					return err
				default:
					if last, ok := conflict.Actual.Exact(); !ok || last < next {
						return fmt.Errorf("expecting revision %s gave the conflict %v", expect, conflict)
					}
				}
			}
			return nil
		})
		winners := map[firn.Revision]firn.ID{}
		for _, all := range won {
			for _, w := range all {
				if _, twice := winners[w.FirstRevision]; twice {
					s.t.Errorf("revision %d was given twice", w.FirstRevision)
				}
				winners[w.FirstRevision] = w.IDs[0]
			}
		}
		events := s.read(firn.Query{Stream: "race-1"})
		if len(events) != rounds || len(winners) != rounds {
			s.t.Fatalf("%d events and %d winners, want %d", len(events), len(winners), rounds)
		}
		for _, e := range events {
			if winners[e.Revision] != e.ID {
				s.t.Errorf("revision %d holds another event than its winner's: %s", e.Revision, eventLine(e))
			}
		}
	})

	s.sub("appends to several streams stay whole", func(s *tester) {
		s.together(func(ctx context.Context, writer int) error {
			for range rounds {
				_, err := s.Append(ctx, firn.To("race-2", firn.Any, drafts(2)...), firn.To(fmt.Sprint("own-", writer), firn.Any, draft("T")))
				if err != nil {
					return err
				}
			}
			return nil
		})
		var last firn.Position
		var index, count uint32
		var at time.Time
		for _, e := range s.read(firn.Query{All: true, System: true}) {
			if e.Position != last+1 || e.Time.Before(at) {
				s.t.Fatalf("behind position %d at %s comes %s at %s", last, at, eventLine(e), e.Time)
			}
			if e.Index != index || index > 0 && (e.Count != count || !e.Time.Equal(at)) {
				s.t.Fatalf("an append is torn: %d of %d is wanted, and there is %s", index, count, eventLine(e))
			}
			last, at, count = e.Position, e.Time, e.Count
			if index++; e.AppendEnd() {
				index = 0
			}
		}
	})

	s.sub("the same append from everywhere is done once", func(s *tester) {
		write := firn.To("race-3", firn.None, drafts(3)...)
		answers := make([]firn.Appended, writers)
		s.together(func(ctx context.Context, writer int) (err error) {
			answers[writer], err = s.Append(ctx, write)
			return err
		})
		first := 0
		for _, a := range answers {
			if !a.Repeated {
				first++
			}
			if len(a.Writes) != 1 || !sameWritten(a.Writes[0], answers[0].Writes[0]) || a.Position != answers[0].Position || !a.Time.Equal(answers[0].Time) {
				s.t.Errorf("two callers got different answers: %+v and %+v", a, answers[0])
			}
		}
		if got := s.read(firn.Query{Stream: "race-3"}); first != 1 || len(got) != 3 {
			s.t.Errorf("%d callers were first, and there are %d events", first, len(got))
		}
	})

	s.sub("whoever appended sees it", func(s *tester) {
		s.together(func(ctx context.Context, writer int) error {
			stream := fmt.Sprint("mine-", writer)
			for i := range rounds {
				done, err := s.Append(ctx, firn.To(stream, firn.Any, draft("T")))
				if err != nil {
					return err
				}
				for _, q := range []firn.Query{
					{Stream: stream}, {Category: "mine"}, {All: true}, {Stream: stream, Consistency: firn.Consistency{AtLeast: done.Position}},
				} {
					q.Backwards = true
					seen := false
					for e, err := range s.Read(ctx, q) {
						if err != nil {
							return err
						}
						if seen = e.ID == done.Writes[0].IDs[0]; seen {
							break
						}
					}
					if !seen {
						return fmt.Errorf("append %d to %q, at position %d, is not seen by %s", i, stream, done.Position, show(q))
					}
				}
			}
			return nil
		})
	})

	s.sub("a read waits for the position it asks for", func(s *tester) {
		next := s.head() + 1
		answered := make(chan error, 1)
		go func() {
			head, _, err := s.Head(s.t.Context(), firn.Consistency{AtLeast: next})
			if err == nil && head < next {
				err = fmt.Errorf("head %d, asked for at least %d", head, next)
			}
			answered <- err
		}()
		s.fill("race-4", 1)
		if err := <-answered; err != nil {
			s.t.Error(err)
		}
	})
}

// together runs the function in as many goroutines as there are writers.
func (s *tester) together(run func(ctx context.Context, writer int) error) {
	s.t.Helper()
	var all sync.WaitGroup
	failed := make([]error, writers)
	for writer := range writers {
		all.Go(func() { failed[writer] = run(s.t.Context(), writer) })
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		s.t.Fatal(err)
	}
}
