package servertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/snapshot"
)

// historian is a store that looks into the past.
type historian interface {
	firn.Store
	firn.History
	firn.Snapshots
	firn.Definitions
}

var (
	_ historian = (*client.Client)(nil)
	_ historian = (*server.Embedded)(nil)
)

// told is a stream's past as this test knows it: computed with encoding/json
// from what was appended, and with nothing of Firn's.
type told struct {
	stream string
	events []firn.Event
	states []any // after each event
}

// merged is RFC 7396, by the letter.
func merged(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	t = maps.Clone(t)
	for name, value := range p {
		if value == nil {
			delete(t, name)
		} else {
			t[name] = merged(t[name], value)
		}
	}
	return t
}

func parsed(t testing.TB, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return v
}

// tell computes the past of every stream of the store.
func tell(t testing.TB, db firn.Store) map[string]*told {
	t.Helper()
	all := map[string]*told{}
	for e, err := range db.Read(t.Context(), firn.Query{All: true}) {
		if err != nil {
			t.Fatal(err)
		}
		s := all[e.Stream]
		if s == nil {
			s = &told{stream: e.Stream}
			all[e.Stream] = s
		}
		before := any(map[string]any{})
		if len(s.states) > 0 {
			before = s.states[len(s.states)-1]
		}
		s.events = append(s.events, e)
		s.states = append(s.states, merged(before, parsed(t, e.Data)))
	}
	return all
}

// at returns how many events there were as of a point.
func (s *told) at(p firn.Point) int {
	n := 0
	for i := range s.events {
		e := &s.events[i]
		if p.Kind() == firn.PointRevision && e.Revision <= p.Revision() || p.Kind() == firn.PointPosition && e.Position <= p.Position() ||
			p.Kind() == firn.PointMoment && !e.Time.After(p.Moment()) || p.IsZero() {
			n++
		}
	}
	return n
}

func (s *told) state(n int) any {
	if n == 0 {
		return map[string]any{}
	}
	return s.states[n-1]
}

// leaves are the fields of a state by pointer.
func leaves(path string, v any, into map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			leaves(path+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), child, into)
		}
		if len(v) > 0 {
			return
		}
	case []any:
		for i, child := range v {
			leaves(path+"/"+strconv.Itoa(i), child, into)
		}
		if len(v) > 0 {
			return
		}
	}
	into[path] = v
}

func fields(v any) map[string]any {
	into := map[string]any{}
	leaves("", v, into)
	return into
}

// check asks about a stream as of a point, in every way, and holds the answers
// against what is told.
func (s *told) check(t testing.TB, db firn.History, r *rand.Rand, c firn.Consistency) {
	t.Helper()
	at := func() firn.Point {
		e := &s.events[r.IntN(len(s.events))]
		switch r.IntN(4) {
		case 0:
			return firn.RevisionPoint(e.Revision)
		case 1:
			return firn.PositionPoint(e.Position)
		case 2:
			return firn.MomentPoint(e.Time)
		}
		return firn.Point{}
	}
	p := at()
	n := s.at(p)
	asked := firn.StateQuery{Stream: s.stream, At: p, Consistency: c}
	want := s.state(n)

	state, err := db.State(t.Context(), asked)
	if err != nil || !reflect.DeepEqual(parsed(t, state.State), want) {
		t.Fatalf("%s at %v: %s, %v; want %v", s.stream, p, state.State, err, want)
	}
	last := &s.events[n-1]
	if state.Revision != last.Revision || state.Position != last.Position || !state.Time.Equal(last.Time) || state.Partial || state.Empty || state.Fold != "merge" {
		t.Fatalf("%s at %v: %+v; the last event is %+v", s.stream, p, state, last)
	}

	from := at()
	diff, err := db.Diff(t.Context(), firn.DiffQuery{Stream: s.stream, From: from, To: p, Consistency: c})
	if err != nil || !reflect.DeepEqual(fields(patched(t, s.state(s.at(from)), diff.Patch)), fields(want)) {
		t.Fatalf("%s from %v to %v: %+v, %v", s.stream, from, p, diff.Patch, err)
	}

	blame, err := db.Blame(t.Context(), firn.BlameQuery{StateQuery: asked})
	if err != nil {
		t.Fatal(err)
	}
	values := fields(want)
	if len(blame.Fields) != len(values) {
		t.Fatalf("%s at %v: %d fields are blamed, there are %d", s.stream, p, len(blame.Fields), len(values))
	}
	for _, f := range blame.Fields {
		value, ok := values[f.Path]
		i := n
		for i > 0 && ok && reflect.DeepEqual(fieldAt(s.state(i), f.Path), value) {
			i--
		}
		if !ok || f.Event == nil || f.Event.Position != s.events[i].Position || f.Event.Type != s.events[i].Type || !f.Event.Time.Equal(s.events[i].Time) {
			t.Fatalf("%s at %v: %s is blamed on %+v; want revision %d", s.stream, p, f.Path, f.Event, s.events[i].Revision)
		}
	}

	// The condition is that there are so many fields, which a scan must find
	// first, and a search somewhere where it comes to hold.
	most := len(fields(s.state(r.IntN(n) + 1)))
	holds := func(i int) bool { return len(fields(s.state(i))) >= most }
	first := 1
	for !holds(first) && first < n {
		first++
	}
	where := fmt.Sprintf("[paths(type != \"object\" and type != \"array\" or length == 0)] | length >= %d", most)
	for _, scan := range []bool{true, false} {
		found, err := db.Bisect(t.Context(), firn.BisectQuery{StateQuery: asked, Where: where, Scan: scan})
		if err != nil {
			t.Fatalf("%s at %v, %s: %v", s.stream, p, where, err)
		}
		if scan && (found.Found != holds(first) || found.Found && found.Event.Revision != s.events[first-1].Revision) || found.AtEnd != holds(n) || found.Exact != scan {
			t.Fatalf("%s at %v, %s: %+v; it first holds after revision %d", s.stream, p, where, found, s.events[first-1].Revision)
		}
		if found.Found {
			i := int(found.Event.Revision) + 1
			if !holds(i) || i > 1 && holds(i-1) || !reflect.DeepEqual(parsed(t, found.HasState), s.state(i)) {
				t.Fatalf("%s at %v, %s: found %+v", s.stream, p, where, found)
			}
		}
	}
}

func fieldAt(state any, path string) any {
	v, ok := fields(state)[path]
	if !ok {
		return errors.New("it is not there")
	}
	return v
}

// patched applies a patch; objects are changed in place, so it works on a copy.
func patched(t testing.TB, v any, patch []firn.PatchOperation) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	v = parsed(t, text)
	for _, op := range patch {
		v = operated(t, v, strings.Split(op.Path, "/")[1:], &op)
	}
	return v
}

func operated(t testing.TB, v any, path []string, op *firn.PatchOperation) any {
	t.Helper()
	if len(path) == 0 {
		return parsed(t, op.Is)
	}
	name := strings.NewReplacer("~1", "/", "~0", "~").Replace(path[0])
	switch v := v.(type) {
	case map[string]any:
		if len(path) == 1 && op.Op == "remove" {
			delete(v, name)
		} else {
			v[name] = operated(t, v[name], path[1:], op)
		}
		return v
	case []any:
		i, err := strconv.Atoi(name)
		if err != nil || i > len(v) {
			t.Fatalf("%q in an array of %d", name, len(v))
		}
		switch {
		case len(path) == 1 && op.Op == "remove":
			return slices.Delete(v, i, i+1)
		case len(path) == 1 && op.Op == "add":
			return slices.Insert(v, i, parsed(t, op.Is))
		}
		v[i] = operated(t, v[i], path[1:], op)
		return v
	}
	t.Fatalf("%s %s has nothing to work on", op.Op, op.Path)
	return nil
}

// permits appends events like those of a permit's way through an office, to
// several streams in turn, one of them long.
func permits(t testing.TB, db firn.Store, r *rand.Rand, streams, events int) {
	t.Helper()
	departments := []string{"General", "Control", "Experts"}
	for n := 0; n < events; {
		stream := fmt.Sprintf("permit-%d", r.IntN(streams))
		if r.IntN(3) == 0 {
			stream = "permit-long"
		}
		var drafts []firn.Draft
		for range 1 + r.IntN(20) {
			data := map[string]any{"task": fmt.Sprintf("task-%d", r.IntN(20)), "lifecycle": "complete", "count": n}
			switch r.IntN(5) {
			case 0:
				data["deadline"] = fmt.Sprintf("2010-11-%02d", 1+r.IntN(28))
			case 1:
				data["channel"] = nil
			case 2:
				data["parties"] = []any{"a", map[string]any{"n": r.IntN(3)}, r.IntN(2)}
			case 3:
				data["office"] = map[string]any{"department": departments[r.IntN(3)], fmt.Sprintf("desk/%d", r.IntN(4)): []any{}}
			case 4:
				data["channel"] = "Internet"
			}
			text, err := json.Marshal(data)
			if err != nil {
				t.Fatal(err)
			}
			drafts = append(drafts, firn.Draft{Type: fmt.Sprintf("T%02d", r.IntN(9)), Data: text})
			n++
		}
		if _, err := db.Append(t.Context(), firn.To(stream, firn.Any, drafts...)); err != nil {
			t.Fatal(err)
		}
	}
}

func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	if text := os.Getenv("FIRN_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d; FIRN_SEED=%[1]d repeats it", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestHistory: what the store says of the past is what an independent computation
// says, through each node, after the leader has changed, and after a restart.
func TestHistory(t *testing.T) {
	t.Parallel()
	r := seeded(t)
	c := servertest.Start(t, 3)
	db := c.Dial()
	permits(t, db, r, 12, 900)
	all := tell(t, db)
	names := slices.Sorted(maps.Keys(all))
	head, _, err := db.Head(t.Context(), firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	applied := firn.Consistency{AtLeast: head}
	check := func(db firn.History, n int, consistency firn.Consistency) {
		t.Helper()
		all["permit-long"].check(t, db, r, consistency)
		for range n {
			all[names[r.IntN(len(names))]].check(t, db, r, consistency)
		}
	}
	check(db, 20, firn.Consistency{})
	for i := range 3 {
		check(servertest.Dial(t, c.Address(i), client.Options{}), 10, applied)
	}
	old := c.Leader()
	c.Stop(old)
	check(db, 10, firn.Consistency{})
	c.Run(old)
	c.AwaitReady()
	check(servertest.Dial(t, c.Address(old), client.Options{}), 10, applied)
}

// TestSnapshotsByThemselves: where a fold is declared, and where a state is asked
// for, the store makes its own snapshots, so that little is left to load anywhere
// in the past.
func TestSnapshotsByThemselves(t *testing.T) {
	t.Parallel()
	db, err := server.Embed(t.TempDir(), server.EmbedOptions{CacheBytes: 32 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const cart = "fold: cart\ncategory: cart\ninitial: {n: 0, sum: 0}\non:\n  Added: .n += 1 | .sum += $event.data.price\n"
	if _, err := db.Define(t.Context(), firn.FoldDefinition, "cart", []byte(cart), firn.None); err != nil {
		t.Fatal(err)
	}
	fill := func(stream string, events int) {
		t.Helper()
		for range events / 50 {
			var drafts []firn.Draft
			for i := range 50 {
				drafts = append(drafts, firn.Draft{Type: "Added", Data: fmt.Appendf(nil, `{"price":%d}`, i)})
			}
			if _, err := db.Append(t.Context(), firn.To(stream, firn.Any, drafts...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill("cart-1", 1000)
	fill("other-1", 1000)
	awaitTails(t, db, "cart-1", "cart")
	if _, err := db.State(t.Context(), firn.StateQuery{Stream: "other-1"}); err != nil {
		t.Fatal(err)
	}
	awaitTails(t, db, "other-1", "merge")
	fill("cart-1", 500) // goes on from the snapshots that are there
	awaitTails(t, db, "cart-1", "cart")
	for _, n := range []int{0, 1, 99, 100, 101, 777, 1499} {
		s, err := db.State(t.Context(), firn.StateQuery{Stream: "cart-1", At: firn.RevisionPoint(firn.Revision(n))})
		sum := (n+1)/50*1225 + (n+1)%50*((n+1)%50-1)/2
		if want := fmt.Sprintf(`{"n":%d,"sum":%d}`, n+1, sum); err != nil || string(s.State) != want || int(s.Revision) != n || s.Position == 0 {
			t.Errorf("revision %d: %s, %+v, %v; want %s", n, s.State, s, err, want)
		}
	}
}

// awaitTails returns once no revision of a stream is more than 100 events behind
// a snapshot of the fold.
func awaitTails(t *testing.T, db historian, stream, fold string) {
	t.Helper()
	version := versionOf(t, db, fold)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	info, err := db.Stream(ctx, stream, firn.Point{})
	if err != nil {
		t.Fatal(err)
	}
	for revision := firn.Revision(50); revision <= info.Revision; {
		loaded, err := db.Load(ctx, firn.LoadQuery{Stream: stream, Fold: fold, Version: version, Bound: firn.RevisionPoint(revision)})
		if err != nil {
			t.Fatalf("waiting for a snapshot before revision %d of %s: %v", revision, stream, err)
		}
		tail := 0
		for _, err := range loaded.Events {
			if err != nil {
				t.Fatal(err)
			}
			tail++
		}
		if tail > 100 {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		revision += 50
	}
}

func versionOf(t *testing.T, db historian, fold string) firn.FoldVersion {
	t.Helper()
	if fold == "merge" {
		return snapshot.Merge.Version(nil)
	}
	defined, err := db.Definitions(t.Context(), firn.FoldDefinition, firn.Point{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range defined {
		if d.Name == fold {
			f, err := snapshot.Parse(d.Source)
			if err != nil {
				t.Fatal(err)
			}
			return f.Version(nil)
		}
	}
	t.Fatalf("the fold %s is not defined", fold)
	return firn.FoldVersion{}
}

// TestHistorySays: what cannot be answered is a typed error that says why, and
// what has its limits says so.
func TestHistorySays(t *testing.T) {
	t.Parallel()
	eachShaped(t, func(t *testing.T, store shaped) {
		db := store.(historian)
		ctx := t.Context()
		begun := time.Now().Add(-time.Hour)
		appendAll(t, db, "order-1", firn.Draft{Type: "A", Data: []byte(`{"a":1}`)}, firn.Draft{Type: "B", Data: []byte(`{"b":2}`)}, firn.Draft{Type: "C", Data: []byte(`{"a":3}`)})
		appendAll(t, db, "order-gone", firn.Draft{Type: "A", Data: []byte(`{"a":1}`)})
		appendAll(t, db, "box-1", firn.Draft{Type: "A", ContentType: "image/png", Data: []byte{1}})
		if _, err := db.Change(ctx, "order-gone", firn.Any, firn.Delete{}); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"loop":  "fold: loop\ncategory: mad\non: {A: 'def f: f; f', '*': fail}",
			"zero":  "fold: zero\ncategory: order\non: {B: '.x = 1 / (.a - 1)'}",
			"first": "fold: first\ncategory: twice\non: {'*': merge}",
			"other": "fold: other\ncategory: twice\non: {'*': merge}",
			"huge":  "fold: huge\ncategory: mad\non: {'*': '[range(1e9)]'}",
		} {
			if _, err := db.Define(ctx, firn.FoldDefinition, name, []byte(text), firn.None); err != nil {
				t.Fatal(err)
			}
		}
		appendAll(t, db, "mad-1", firn.Draft{Type: "A"})
		appendAll(t, db, "twice-1", firn.Draft{Type: "A"})
		for _, c := range []struct {
			q    firn.StateQuery
			kind firn.Kind
			want string
		}{
			{firn.StateQuery{Stream: "order-9"}, firn.ErrNotFound, `no stream "order-9"`},
			{firn.StateQuery{Stream: "order-1", At: firn.MomentPoint(begun)}, firn.ErrBeforeStore, "before"},
			{firn.StateQuery{Stream: "order-1", At: firn.MomentPoint(time.Now().Add(time.Hour))}, firn.ErrInvalid, "in the future"},
			{firn.StateQuery{Stream: "order-1", Fold: "nothing"}, firn.ErrNotFound, "there are: first, huge, loop, other, zero, merge"},
			{firn.StateQuery{Stream: "order-1", Fold: "first"}, firn.ErrInvalid, "of the category twice"},
			{firn.StateQuery{Stream: "order-1", Fold: "a/b"}, firn.ErrInvalid, "a/b"},
			{firn.StateQuery{Stream: "twice-1"}, firn.ErrInvalid, "merge, first, other"},
			{firn.StateQuery{Stream: "order-gone"}, firn.ErrDeleted, "deleted"},
			{firn.StateQuery{Stream: "order-1"}, firn.ErrProgram, "at revision 1"},
			{firn.StateQuery{Stream: "mad-1", Fold: "loop"}, firn.ErrProgram, "does it loop"},
			{firn.StateQuery{Stream: "mad-1", Fold: "huge"}, firn.ErrProgram, "at revision 0"},
			{firn.StateQuery{Stream: "box-1"}, firn.ErrProgram, "not JSON"},
		} {
			if s, err := db.State(ctx, c.q); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: %s, %v; want %s", c.q, s.State, err, c.want)
			}
		}
		asked := firn.StateQuery{Stream: "order-1", Fold: "merge"}
		for where, kind := range map[string]firn.Kind{"now > 5": firn.ErrInvalid, ".a.b": firn.ErrProgram, "def f: f; f": firn.ErrProgram} {
			if _, err := db.Bisect(ctx, firn.BisectQuery{StateQuery: asked, Where: where}); !errors.Is(err, kind) {
				t.Errorf("bisect --where %q: %v", where, err)
			}
		}
		if _, err := db.Blame(ctx, firn.BlameQuery{StateQuery: asked, Path: "/nothing"}); !errors.Is(err, firn.ErrNotFound) {
			t.Errorf("blame of a field that is not there: %v", err)
		}
		if _, err := db.Diff(ctx, firn.DiffQuery{Stream: "order-1", From: firn.MomentPoint(time.Now().Add(time.Hour))}); !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("a diff from the future: %v", err)
		}
		start, err := db.State(ctx, firn.StateQuery{Stream: "order-1", Fold: "merge", At: firn.StartPoint()})
		if err != nil || !start.Empty || string(start.State) != "{}" {
			t.Errorf("at the start: %+v, %v", start, err)
		}
		if s, err := db.State(ctx, firn.StateQuery{Stream: "order-1", Fold: "merge", At: firn.MomentPoint(time.Now().Add(2 * time.Second))}); err != nil || !s.Open {
			t.Errorf("as of a moment that is not over: %+v, %v", s, err)
		}

		// What was truncated is in no state, and the answer says so.
		if _, err := db.Change(ctx, "order-1", firn.Any, firn.Truncate{Before: 1}); err != nil {
			t.Fatal(err)
		}
		s, err := db.State(ctx, firn.StateQuery{Stream: "order-1", Fold: "merge", At: firn.RevisionPoint(1)})
		if err != nil || !s.Partial || string(s.State) != `{"b":2}` {
			t.Errorf("truncated: %s %+v, %v", s.State, s, err)
		}
		if s, err = db.State(ctx, firn.StateQuery{Stream: "order-1", Fold: "merge", At: firn.RevisionPoint(0)}); err != nil || !s.Empty || !s.Partial {
			t.Errorf("as of what was truncated: %+v, %v", s, err)
		}
		b, err := db.Blame(ctx, firn.BlameQuery{StateQuery: asked, Path: "/a"})
		if err != nil || len(b.Fields) != 1 || b.Fields[0].Event.Revision != 2 || !b.State.Partial {
			t.Errorf("truncated, blame: %+v, %v", b, err)
		}

		// A stream that was deleted begins anew: nothing of before shows.
		appendAll(t, db, "order-gone", firn.Draft{Type: "B", Data: []byte(`{"b":1}`)})
		b, err = db.Blame(ctx, firn.BlameQuery{StateQuery: firn.StateQuery{Stream: "order-gone", Fold: "merge"}})
		if err != nil || len(b.Fields) != 1 || b.Fields[0].Path != "/b" || b.Fields[0].Event.Revision != 1 {
			t.Errorf("begun anew, blame: %+v, %v", b, err)
		}
	})
}
