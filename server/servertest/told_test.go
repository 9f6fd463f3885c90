package servertest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/firndb/firn"
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

// teller appends, and tells what follows from it.
type teller struct {
	all map[string]*told
}

// append appends drafts to several streams in one step.
func (a *teller) append(t testing.TB, db firn.Store, writes ...firn.Write) {
	t.Helper()
	done, err := db.Append(t.Context(), writes...)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range writes {
		s := a.all[w.Stream]
		if s == nil {
			s = &told{stream: w.Stream}
			a.all[w.Stream] = s
		}
		for j, d := range w.Drafts {
			s.states = append(s.states, merged(s.state(len(s.states)), parsed(t, d.Data)))
			s.events = append(s.events, firn.Event{
				Type: d.Type, Time: done.Time,
				Revision: done.Writes[i].FirstRevision + firn.Revision(j), Position: done.Writes[i].FirstPosition + firn.Position(j),
			})
		}
	}
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
