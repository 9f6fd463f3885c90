package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/testenv"
)

// TestRot flips one bit of a stopped node's directory, anywhere, again and
// again. Whatever then happens, no answer is wrong: the damage is found, in words
// and with status 7, or it was where nothing is kept. And a Raft log that opens
// has forgotten nothing.
//
// FIRN_ROT is how many bits are flipped.
func TestRot(t *testing.T) {
	t.Parallel()
	seed := testenv.Seed(t)
	random := rand.New(rand.NewPCG(seed, 0))
	plain := rotDirectory(t)
	subjects := []*rotSubject{newRotSubject(t, plain), newRotSubject(t, withImage(t, plain))}

	var mu sync.Mutex
	tally := map[string]*rotTally{}
	count := testenv.Count(t, "FIRN_ROT", 200)
	flips := make(chan rotCase)
	var workers sync.WaitGroup
	for range 8 * runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for c := range flips {
				found := c.of.examine(t, c.flip)
				mu.Lock()
				of := tally[kindOf(c.flip.name)]
				if of == nil {
					of = new(rotTally)
					tally[kindOf(c.flip.name)] = of
				}
				of.add(c.flip, found)
				mu.Unlock()
			}
		})
	}
	for i := range count {
		of := subjects[min(1, i%4/3)] // one of four has an image waiting
		flips <- rotCase{of, of.rot.choose(random)}
	}
	close(flips)
	workers.Wait()
	reportRot(t, seed, tally)
}

type rotCase struct {
	of   *rotSubject
	flip flip
}

// rotSubject is a directory, and what its node answers while it is whole.
type rotSubject struct {
	rot     *rot
	replies []reply
	vote    vote
}

func newRotSubject(t testing.TB, all files) *rotSubject {
	t.Helper()
	s := &rotSubject{}
	var err error
	if s.vote, err = voteOf(all.disk(t)); err != nil {
		t.Fatal(err)
	}
	disk := &tracer{FS: all.disk(t), read: map[string][]bool{}}
	if report, err := verifyDir(t.Context(), disk, rotNode, nil); err != nil || len(report.Faults) > 0 {
		t.Fatalf("the directory is damaged before a bit was flipped: %v, %+v", err, report.Faults)
	}
	n := awake(t, disk)
	s.replies = interrogate(t.Context(), n)
	for _, r := range s.replies {
		if r.err != nil {
			t.Fatalf("%s: %v", r.question, r.err)
		}
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	s.rot = newRot(all, disk.read)
	return s
}

// examine flips a bit and asks. It reports whether the damage was found.
func (s *rotSubject) examine(t testing.TB, f flip) (found bool) {
	where := fmt.Sprintf("bit %d of byte %d of %d of %s", f.bit, f.at, len(s.rot.all[f.name]), f.name)
	all := s.rot.with(f)
	damage := func(what string, err error) {
		found = true
		if !errors.Is(err, firn.ErrDamaged) {
			t.Errorf("%s: %s: %v, which is not said to be damage", where, what, err)
		}
	}
	report, err := verifyDir(t.Context(), all.disk(t), rotNode, nil)
	if err != nil {
		damage("verify", err)
	}
	if len(report.Faults) > 0 {
		found = true
	}
	verified := found
	fs := all.disk(t)
	if v, err := voteOf(fs); err != nil {
		damage("the Raft log", err)
	} else if v != s.vote {
		t.Errorf("%s: the Raft log opens, and is another one: term %d, voted for %q in term %d, %d bytes of entries; was term %d, %q in term %d, %d bytes",
			where, v.term, v.candidate, v.voteTerm, len(v.entries), s.vote.term, s.vote.candidate, s.vote.voteTerm, len(s.vote.entries))
	}
	s.serve(t, where, fs, damage)
	if found && !verified && f.name != rotNode+"/"+identityFile {
		t.Errorf("%s: verify found nothing", where)
	}
	return found
}

// serve starts a node on the disk. What it answers must be right.
func (s *rotSubject) serve(t testing.TB, where string, fs vfs.FS, damage func(what string, err error)) {
	n, err := startAlone(fs)
	if err != nil {
		damage("start", err)
		return
	}
	defer n.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := n.awaitReady(ctx); err != nil {
		damage("to become ready", err)
		return
	}
	for i, r := range interrogate(ctx, n) {
		want := s.replies[i]
		switch {
		case r.err == nil && r.text == want.text:
		case r.err == nil:
			t.Errorf("%s: %s: a wrong answer\n%s\nshould be\n%s", where, want.question, r.text, want.text)
		case errors.Is(r.err, firn.ErrUnavailable) && n.Err() != nil:
			damage(want.question, n.Err())
		default:
			damage(want.question, r.err)
		}
	}
}

// damagedOrGone reports whether an error says that a node is damaged, or does
// not answer any more.
func damagedOrGone(err error) bool {
	return errors.Is(err, firn.ErrDamaged) || errors.Is(err, firn.ErrUnavailable) || errors.Is(err, firn.ErrUnknown)
}

// rotTally counts what became of flipped bits.
type rotTally struct{ flips, reached, found int }

func (c *rotTally) add(f flip, found bool) {
	c.flips++
	if f.reached {
		c.reached++
	}
	if found {
		c.found++
	}
}

// reportRot prints what was done, and fails where it shows little.
func reportRot(t testing.TB, seed uint64, tally map[string]*rotTally) {
	t.Helper()
	var all rotTally
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(tally)) {
		c := tally[kind]
		fmt.Fprintf(&b, "  %-28s %6d flips, %6d reached, %6d found, %6d harmless\n", kind, c.flips, c.reached, c.found, c.flips-c.found)
		all.flips, all.reached, all.found = all.flips+c.flips, all.reached+c.reached, all.found+c.found
	}
	share := 100 * all.reached / max(1, all.flips)
	t.Logf("seed %d: %d flips, %d %% of them in bytes that a reader reaches; %d found, %d harmless\n%s", seed, all.flips, share, all.found, all.flips-all.found, b.String())
	if share < 80 {
		t.Errorf("only %d %% of the flips were in bytes that a reader reaches", share)
	}
	if all.found < all.flips/2 {
		t.Errorf("of %d flips only %d were found: the test shows little", all.flips, all.found)
	}
}
