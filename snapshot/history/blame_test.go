package history_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/rawjson"
	"github.com/firndb/firn/snapshot"
)

func at(v any, path []string) (any, bool) {
	v, _, ok := along(v, path)
	return v, ok
}

// along also returns, for each token, whether it is an item's place or a member's
// name.
func along(v any, path []string) (_ any, items string, _ bool) {
	for _, token := range path {
		switch w := v.(type) {
		case map[string]any:
			items += "-"
			child, ok := w[token]
			if !ok {
				return nil, "", false
			}
			v = child
		case []any:
			items += "+"
			var i int
			if _, err := fmt.Sscanf(token, "%d", &i); err != nil || i < 0 || i >= len(w) || fmt.Sprint(i) != token {
				return nil, "", false
			}
			v = w[i]
		default:
			return nil, "", false
		}
	}
	return v, items, true
}

// folds do different things with the same events.
func folds(t testing.TB) []snapshot.Fold {
	return []snapshot.Fold{
		snapshot.Merge,
		parse(t, `{fold: f, category: order, initial: {kept: [1, {x: 2}], a: 1}, on: {A: '.list += [$event.data]', B: '.list |= (. // [] | .[1:])', C: '{only: .}', "*": merge}}`),
	}
}

func drawn(t *rapid.T, most int) []firn.Event {
	n := rapid.IntRange(0, most).Draw(t, "events")
	var events []firn.Event
	for i := range n {
		typ := rapid.SampledFrom([]string{"A", "A", "B", "M", "M", "M", "C"}).Draw(t, "type")
		e := event(i, typ, `{"a":`+document(1).Draw(t, "a")+`,"b":`+document(2).Draw(t, "b")+`}`)
		if rapid.Bool().Draw(t, "actor") {
			e.Metadata = []byte(fmt.Sprintf(`{"actor":"user %d"}`, i%3))
		}
		events = append(events, e)
	}
	return events
}

// TestBlame compares with what follows from its definition: for each field of the
// last state, the last event around which the value at its pointer differs, or
// whether it is an item of an array or a member.
func TestBlame(t *testing.T) {
	all := folds(t)
	rapid.Check(t, func(t *rapid.T) {
		fold := rapid.SampledFrom(all).Draw(t, "fold")
		events := drawn(t, 12)
		p, _ := past(fold, events...)
		got, err := p.Blame(context.Background(), "")
		if err != nil {
			t.Fatal(err)
		}
		states := states(t, fold, events)
		want := map[string]int{}
		for _, path := range leaves(states[len(events)], nil, nil) {
			last := -1
			for i := range events {
				before, wasItems, was := along(states[i], path)
				after, isItems, is := along(states[i+1], path)
				if was != is || wasItems != isItems || !reflect.DeepEqual(before, after) {
					last = i
				}
			}
			pointer := ""
			for _, token := range path {
				pointer += "/" + rawjson.EscapeToken(token)
			}
			want[pointer] = last
		}
		if len(got) != len(want) {
			t.Fatalf("%d fields, not %d", len(got), len(want))
		}
		for _, b := range got {
			last := -1
			if b.Event != nil {
				last = int(b.Event.Revision)
				e := events[last]
				if b.Event.ID != e.ID || b.Event.Position != e.Position || b.Event.Type != e.Type || (b.Event.Actor != "") != (len(e.Metadata) > 0) {
					t.Fatalf("%s: it is said to be %+v", b.Path, b.Event)
				}
			}
			if expected, ok := want[b.Path]; !ok || expected != last {
				t.Fatalf("%s = %s was changed by %d, not %d (%v)", b.Path, b.Value, last, expected, ok)
			}
			value, ok := at(states[len(events)], tokens(b.Path))
			var is any
			if json.Unmarshal(b.Value, &is); !ok || !reflect.DeepEqual(is, value) {
				t.Fatalf("%s is %s, not %v", b.Path, b.Value, value)
			}
		}
	})
}

// TestBlameOfAnItemAndAMember: an array became an object that has the same at the
// same pointer, and the other way round.
func TestBlameOfAnItemAndAMember(t *testing.T) {
	p, _ := past(snapshot.Merge, event(0, "T", `{"a":[1],"b":{"0":1},"c":[1]}`), event(1, "T", `{"a":{"0":1},"b":[1]}`), event(2, "T", `{"c":[1]}`))
	found, err := p.Blame(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range found {
		if want := map[string]firn.Revision{"/a/0": 1, "/b/0": 1, "/c/0": 0}[b.Path]; b.Event.Revision != want {
			t.Errorf("%s was changed by %d, not %d", b.Path, b.Event.Revision, want)
		}
	}
	if len(found) != 3 {
		t.Errorf("%d fields", len(found))
	}
}

// TestBlameAcrossPieces: in a stream of many pieces, with fields that change often
// and others that change once in a long while.
func TestBlameAcrossPieces(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var events []firn.Event
	value, last := map[string]int{}, map[string]int{}
	for i := range 3000 {
		name := fmt.Sprintf("k%d", random.IntN(1<<random.IntN(12)))
		v := random.IntN(3)
		if was, ok := value[name]; !ok || was != v {
			value[name], last[name] = v, i
		}
		events = append(events, event(i, "T", fmt.Sprintf(`{"%s":%d.0}`, name, v)))
	}
	p, _ := past(snapshot.Merge, events...)
	found, err := p.Blame(context.Background(), "")
	if err != nil || len(found) != len(last) {
		t.Fatalf("%d fields, not %d; %v", len(found), len(last), err)
	}
	for _, b := range found {
		if b.Event == nil || int(b.Event.Revision) != last[b.Path[1:]] {
			t.Errorf("%s: %+v; it was changed by %d", b.Path, b.Event, last[b.Path[1:]])
		}
	}
}

// TestBlameGoesBackNoFurther: in a long stream only the pieces that are needed are
// read.
func TestBlameGoesBackNoFurther(t *testing.T) {
	events := []firn.Event{event(0, "T", `{"first":1,"items":[{"sku":"a"}]}`)}
	for i := 1; i < 5000; i++ {
		events = append(events, event(i, "T", fmt.Sprintf(`{"n":%d,"same":{"x":1.0}}`, i)))
	}
	p, m := past(snapshot.Merge, events...)
	m.loads = 0
	for within, want := range map[string]string{"/n": "/n 4999", "/same": "/same/x 1", "/items": "/items/0/sku 0", "/items/0/sku": "/items/0/sku 0", "": "/first 0 /items/0/sku 0 /n 4999 /same/x 1"} {
		found, err := p.Blame(context.Background(), within)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range found {
			got = append(got, fmt.Sprint(b.Path, " ", b.Event.Revision))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("within %q: %v, not %s", within, got, want)
		}
		if within == "/n" && m.loads > 2 {
			t.Errorf("for a field of the last event %d states are loaded", m.loads)
		}
		m.loads = 0
	}
	if _, err := p.Blame(context.Background(), "/nosuch"); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("a field that is not there: %v", err)
	}
	if _, err := p.Blame(context.Background(), "n"); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("what is no pointer: %v", err)
	}
	// What truncated events have left, in a snapshot, has no event.
	p.Begin, m.begin = 4000, 4000
	m.kept[4000] = []byte(`{"first":1,"n":3999}`)
	m.begin = 0
	found, err := p.Blame(context.Background(), "/first")
	if err != nil || len(found) != 1 || found[0].Event != nil {
		t.Errorf("what truncated events have left: %+v, %v", found, err)
	}
}

func TestFailingFold(t *testing.T) {
	fold := parse(t, `{fold: f, category: order, on: {Bad: fail, "*": merge}}`)
	p, _ := past(fold, event(0, "T", `{"a":1}`), event(1, "Bad", `{}`), event(2, "T", `{"a":2}`))
	if _, err := p.Blame(context.Background(), ""); !errors.Is(err, firn.ErrProgram) || !strings.Contains(err.Error(), "revision 1") {
		t.Errorf("%v", err)
	}
	n := 0
	for _, err := range p.Log(context.Background(), 0) {
		if n++; n == 2 && !errors.Is(err, firn.ErrProgram) {
			t.Errorf("%v", err)
		}
	}
	if n != 2 {
		t.Errorf("%d entries", n)
	}
}
