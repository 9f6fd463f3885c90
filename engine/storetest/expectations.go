package storetest

import (
	"errors"
	"fmt"

	"github.com/firndb/firn"
)

// testExpectations goes through the whole table: every state that a stream can
// be in, against every expectation, as a write, as a bare check and as the
// condition of a change. Each stream that was ever written has its last event
// at revision 2.
func testExpectations(s *tester) {
	const ok = firn.Kind(0)
	const conflict, gone = firn.ErrConflict, firn.ErrTombstoned
	expectations := []firn.Expectation{firn.Any, firn.None, firn.Exists, firn.At(2), firn.At(1), firn.At(3), firn.At(0)}
	for _, row := range []struct {
		state string
		lives []firn.Life
		want  []firn.Kind // one for each of the expectations
		check []firn.Kind // for a bare check, where that differs
	}{
		{state: "never", want: []firn.Kind{ok, ok, conflict, conflict, conflict, conflict, conflict}},
		{state: "live", want: []firn.Kind{ok, conflict, ok, ok, conflict, conflict, conflict}},
		{state: "truncated", lives: []firn.Life{firn.Truncate{Before: 3}},
			want: []firn.Kind{ok, conflict, ok, ok, conflict, conflict, conflict}},
		{state: "limited", lives: []firn.Life{firn.Limits{MaxCount: 1}},
			want: []firn.Kind{ok, conflict, ok, ok, conflict, conflict, conflict}},
		{state: "deleted", lives: []firn.Life{firn.Delete{}},
			want: []firn.Kind{ok, ok, conflict, ok, conflict, conflict, conflict}},
		{state: "tombstoned", lives: []firn.Life{firn.Tombstone{}},
			want:  []firn.Kind{gone, gone, gone, gone, gone, gone, gone},
			check: []firn.Kind{gone, ok, gone, gone, gone, gone, gone}},
		{state: "deleted-tombstoned", lives: []firn.Life{firn.Delete{}, firn.Tombstone{}},
			want:  []firn.Kind{gone, gone, gone, gone, gone, gone, gone},
			check: []firn.Kind{gone, ok, gone, gone, gone, gone, gone}},
	} {
		for i, expect := range expectations {
			// prepared returns a new stream in the row's state.
			prepared := func(s *tester, how string) string {
				stream := fmt.Sprintf("expect-%s-%d-%s", row.state, i, how)
				if row.state != "never" {
					s.append(firn.To(stream, firn.None, drafts(3)...))
				}
				for _, life := range row.lives {
					s.change(stream, life)
				}
				return stream
			}
			judge := func(s *tester, stream string, want firn.Kind, err error) {
				if want == ok {
					if err != nil {
						s.t.Fatalf("got %v, want no error", err)
					}
					return
				}
				if e := s.want(want, err); want == conflict {
					wantConflict(s, e, stream, expect, row.state)
				}
			}
			s.sub(fmt.Sprintf("%s %s", row.state, expect), func(s *tester) {
				stream := prepared(s, "write")
				before := s.head()
				done, err := s.Append(s.t.Context(), firn.To(stream, expect, draft("T")))
				judge(s, stream, row.want[i], err)
				switch {
				case err != nil && s.head() != before:
					s.t.Fatal("the refused append moved the head")
				case err != nil:
				case row.state == "never" && done.Writes[0].FirstRevision != 0:
					s.t.Fatalf("the first event got revision %d", done.Writes[0].FirstRevision)
				case row.state != "never" && done.Writes[0].FirstRevision != 3:
					s.t.Fatalf("the event behind revision 2 got revision %d", done.Writes[0].FirstRevision)
				}
			})
			s.sub(fmt.Sprintf("%s %s as a check", row.state, expect), func(s *tester) {
				stream := prepared(s, "check")
				want := row.want[i]
				if row.check != nil {
					want = row.check[i]
				}
				_, err := s.Append(s.t.Context(), firn.Check(stream, expect))
				judge(s, stream, want, err)
			})
			s.sub(fmt.Sprintf("%s %s for a change", row.state, expect), func(s *tester) {
				stream := prepared(s, "change")
				_, err := s.Change(s.t.Context(), stream, expect, firn.Metadata{Data: []byte("{}")})
				judge(s, stream, row.want[i], err)
			})
		}
	}
}

// wantConflict checks what a failed expectation tells the caller.
func wantConflict(s *tester, e *firn.Error, stream string, expect firn.Expectation, state string) {
	s.t.Helper()
	want := firn.ConflictError{Stream: stream, Expected: expect, Actual: firn.At(2)}
	switch state {
	case "never":
		want.Actual = firn.None
	case "deleted":
		want.Deleted = true
	}
	var c *firn.ConflictError
	if !errors.As(error(e), &c) {
		s.t.Fatalf("errors.As finds no *firn.ConflictError in %v", e)
	}
	if *c != want {
		s.t.Fatalf("the conflict is %+v, want %+v", *c, want)
	}
}
