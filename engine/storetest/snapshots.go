package storetest

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/firndb/firn"
)

// The fold of these tests: a state is the numbers of the events in it, so that
// one can see what it was made of.
func foldNumbers(state string, events iter.Seq2[firn.Event, error]) (string, firn.Revision, error) {
	last := firn.Revision(0)
	for e, err := range events {
		if err != nil {
			return state, last, err
		}
		state += string(e.Data) + " "
		last = e.Revision
	}
	return state, last, nil
}

var numbers = firn.FoldVersion{1}

// load loads a stream's state and returns the revision that its snapshot had,
// -1 for none.
func (s *tester) load(q firn.LoadQuery) (state string, from int, loaded firn.Loaded, err error) {
	from = -1
	if loaded, err = s.snapshots().Load(s.t.Context(), q); err != nil {
		return "", from, loaded, err
	}
	if loaded.Snapshot != nil {
		state, from = string(loaded.Snapshot.State), int(loaded.Snapshot.Revision)
	}
	state, _, err = foldNumbers(state, loaded.Events)
	return state, from, loaded, err
}

func (s *tester) snapshots() firn.Snapshots {
	s.t.Helper()
	kept, ok := s.Store.(firn.Snapshots)
	if !ok {
		s.t.Fatalf("%T keeps no snapshots", s.Store)
	}
	return kept
}

func testSnapshots(s *tester) {
	s.sub("errors", testSnapshotErrors)
	s.sub("life", testSnapshotLife)
	s.sub("random", testSnapshotsRandom)
}

func testSnapshotErrors(s *tester) {
	s.append(firn.To("snap-1", firn.None, numbered(0), numbered(1)))
	save := func(stream string, fold string, r firn.Revision, size int) error {
		return s.snapshots().SaveSnapshot(s.t.Context(), firn.Snapshot{Stream: stream, Fold: fold, Version: numbers, Revision: r, State: make([]byte, size)})
	}
	for name, c := range map[string]struct {
		err  error
		want firn.Kind
	}{
		"no stream":         {save("snap-none", "n", 0, 1), firn.ErrNotFound},
		"beyond the stream": {save("snap-1", "n", 2, 1), firn.ErrConflict},
		"no name":           {save("snap-1", "", 0, 1), firn.ErrInvalid},
		"too large":         {save("snap-1", "n", 0, firn.SnapshotBytesMax+1), firn.ErrTooLarge},
		"a bad stream":      {save("snap\x00", "n", 0, 1), firn.ErrInvalid},
	} {
		if !errors.Is(c.err, c.want) {
			s.t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
	}
	if err := save("snap-1", "n", 1, firn.SnapshotBytesMax); err != nil {
		s.t.Errorf("as large as may be: %v", err)
	}
	if _, _, _, err := s.load(firn.LoadQuery{Stream: "snap-none", Fold: "n", Version: numbers}); !errors.Is(err, firn.ErrNotFound) {
		s.t.Errorf("loading a stream that is not there: %v", err)
	}
	for range s.Store.Read(s.t.Context(), firn.Query{Stream: "snap-1", From: firn.RevisionPoint(2)}) {
		s.t.Error("a snapshot shows in a read")
	}
}

func testSnapshotLife(s *tester) {
	s.append(firn.To("snap-2", firn.None, numbered(0), numbered(1), numbered(2)))
	save := func(r firn.Revision, state string) error {
		return s.snapshots().SaveSnapshot(s.t.Context(), firn.Snapshot{Stream: "snap-2", Fold: "n", Version: numbers, Revision: r, State: []byte(state)})
	}
	want := func(when, state string, from int, partial bool) {
		s.t.Helper()
		got, at, loaded, err := s.load(firn.LoadQuery{Stream: "snap-2", Fold: "n", Version: numbers})
		if err != nil || got != state || at != from || loaded.Partial != partial {
			s.t.Errorf("%s: state %q from a snapshot at %d, partial %t (%v); want %q from %d, partial %t", when, got, at, loaded.Partial, err, state, from, partial)
		}
	}
	if err := errors.Join(save(0, "0 "), save(1, "0 1 ")); err != nil {
		s.t.Fatal(err)
	}
	want("with two", "0 1 2 ", 1, false)
	s.change("snap-2", firn.Truncate{Before: 2})
	want("truncated right behind the second", "0 1 2 ", 1, false)
	s.change("snap-2", firn.Truncate{Before: 3})
	want("truncated whole", "", -1, true)
	s.append(firn.To("snap-2", firn.At(2), numbered(3)))
	want("gone on", "3 ", -1, true)
	s.change("snap-2", firn.Delete{})
	if _, _, _, err := s.load(firn.LoadQuery{Stream: "snap-2", Fold: "n", Version: numbers}); !errors.Is(err, firn.ErrDeleted) {
		s.t.Errorf("deleted: %v", err)
	}
	s.append(firn.To("snap-2", firn.None, numbered(4)))
	if err := save(3, "of before"); !errors.Is(err, firn.ErrConflict) {
		s.t.Errorf("a snapshot of before the delete: %v", err)
	}
	want("begun again", "4 ", -1, false)
	s.change("snap-2", firn.Tombstone{})
	if err := save(4, "4 "); !errors.Is(err, firn.ErrTombstoned) {
		s.t.Errorf("a snapshot of a tombstoned stream: %v", err)
	}
}

// testSnapshotsRandom: whatever snapshots there are, and whatever the bound, a
// load comes to the state that reading all events comes to.
func testSnapshotsRandom(s *tester) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 0))
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.t.Logf("the seed is %d", seed)
		}
	})
	n := 0
	for range 60 {
		stream := fmt.Sprint("snap-r", rng.IntN(2))
		drafts := make([]firn.Draft, 1+rng.IntN(5))
		for i := range drafts {
			drafts[i] = numbered(n)
			n++
		}
		s.append(firn.To(stream, firn.Any, drafts...))
		version := firn.FoldVersion{byte(1 + rng.IntN(3))}
		at := firn.RevisionPoint(firn.Revision(rng.IntN(n)))
		want, last, err := foldNumbers("", s.Store.Read(s.t.Context(), firn.Query{Stream: stream, Bound: at}))
		if err != nil {
			s.t.Fatal(err)
		}
		got, from, loaded, err := s.load(firn.LoadQuery{Stream: stream, Fold: "n", Version: version, Bound: at})
		if err != nil || got != want || loaded.Partial {
			s.t.Fatalf("%s at %v: loaded %q from a snapshot at %d (%v), read %q", stream, at, got, from, err, want)
		}
		if want == "" || rng.IntN(2) > 0 {
			continue
		}
		kept := firn.Snapshot{Stream: stream, Fold: "n", Version: version, Revision: last, State: []byte(strings.Clone(want))}
		if err := s.snapshots().SaveSnapshot(s.t.Context(), kept); err != nil {
			s.t.Fatal(err)
		}
		if _, from, _, err := s.load(firn.LoadQuery{Stream: stream, Fold: "n", Version: version, Bound: at}); err != nil || from != int(last) {
			s.t.Fatalf("%s: a snapshot at %d was just kept; the load began with one at %d (%v)", stream, last, from, err)
		}
	}
}

func numbered(n int) firn.Draft {
	return firn.Draft{ID: firn.NewID(), Type: "N", Data: fmt.Append(nil, n)}
}
