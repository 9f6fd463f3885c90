package snapshot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/snapshot"
)

const cart = `
fold: cart
category: order
initial: {items: [], rate: 1.50}
on:
  ItemAdded: .items += [$event.data.item]
  ItemRemoved: |
    .items |= map(select(.sku != $event.data.sku))
  Noted: ignore
  Broken: fail
  "*": merge
`

func parse(t testing.TB, text string) *snapshot.Declared {
	t.Helper()
	f, err := snapshot.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDeclared(t *testing.T) {
	f := parse(t, cart)
	if f.Name() != "cart" || f.Category() != "order" || strings.Join(f.Types(), " ") != "Broken ItemAdded ItemRemoved Noted" {
		t.Errorf("it is %s of %s with rules for %v", f.Name(), f.Category(), f.Types())
	}
	want := `{"fold":"cart","category":"order","initial":{"items":[],"rate":1.50},"on":{"Broken":"fail","ItemAdded":".items += [$event.data.item]",` +
		`"ItemRemoved":".items |= map(select(.sku != $event.data.sku))","Noted":"ignore","*":"merge"}}`
	if string(f.JSON()) != want {
		t.Errorf("canonical:\n%s\nwant\n%s", f.JSON(), want)
	}
	if again := parse(t, string(f.JSON())); string(again.JSON()) != want || again.Version(nil) != f.Version(nil) {
		t.Errorf("read from its canonical form it is %s", again.JSON())
	}
	got := compute(t, f, nil,
		event(0, "ItemAdded", `{"item":{"sku":"a","price":100.10,"big":12345678901234567890}}`), event(1, "ItemAdded", `{"item":{"sku":"b"}}`),
		event(2, "ItemRemoved", `{"sku":"b"}`), event(3, "Noted", `not JSON`), event(4, "Paid", `{"total":1e2,"rate":null}`))
	if want := `{"items":[{"big":12345678901234567890,"price":100.10,"sku":"a"}],"total":1e2}`; string(got.State) != want {
		t.Errorf("got  %s\nwant %s", got.State, want)
	}
	if got := compute(t, f, nil); !got.Empty || string(got.State) != `{"items":[],"rate":1.50}` {
		t.Errorf("without an event it is %+v", got)
	}
}

// TestVersion: the version changes with what the fold does, and with nothing
// else. The values are golden: another one throws every snapshot away.
func TestVersion(t *testing.T) {
	if got := snapshot.Merge.Version(nil).String(); got != "7b04a27ca7e2c224913b18ad3419c3f7" {
		t.Errorf("the version of merge is %s", got)
	}
	base := parse(t, `{fold: f, category: c, on: {A: .n += 1}}`).Version(nil)
	if got := base.String(); got != "47ea410e3edaaac4c7caac4a7819b77c" {
		t.Errorf("the version of the example is %s", got)
	}
	for _, same := range []string{
		"fold: other\ncategory: d\non:\n  A: ' .n += 1 '\n", `{"category":"c","on":{"*":"ignore","A":".n += 1"},"initial":{},"fold":"f"}`,
	} {
		if parse(t, same).Version(nil) != base {
			t.Errorf("%s does the same, and has another version", same)
		}
	}
	for _, other := range []string{
		`{fold: f, category: c, on: {A: .n += 2}}`, `{fold: f, category: c, on: {B: .n += 1}}`, `{fold: f, category: c, on: {A: .n += 1, "*": merge}}`,
		`{fold: f, category: c, initial: {n: 0}, on: {A: .n += 1}}`, `{fold: f, category: c, on: {A: merge}}`,
	} {
		if parse(t, other).Version(nil) == base {
			t.Errorf("%s does something else, and has the same version", other)
		}
	}
	if parse(t, `{fold: f, category: c, on: {A: .n += 1}}`).Version([]byte{1}) == base {
		t.Error("an upcaster does not show in the version")
	}
}

func TestParseFaults(t *testing.T) {
	for text, want := range map[string]string{
		``:                         "the definition is empty",
		`# nothing`:                "the definition is empty",
		"a: [":                     "is not YAML: line 1",
		"5":                        `line 1: the definition is a mapping (key: value), not "5"`,
		"fold: a\n---\nfold: b":    "line 2: a second document begins",
		strings.Repeat("#", 1<<19): "has 524288 bytes; at most 262144",
		"fold: a b\ncategory: x-y\ninitial: {n: 0x1f, m: .inf}\non:\n  A: now\n  B: .a | nosuch\n  C: [1]\n  A: merge\nwhen: 5\n": `line 1: the fold's name "a b" has ' ' in it; letters, digits, '.', '_' and '-' are allowed
line 2: the category "x-y" contains '-'; a category is the part of a stream's name before the first '-'
line 3: "0x1f" is a number, but not one that JSON can write; put it in quotes if it is text
line 3: ".inf" is a number, but not one that JSON can write; put it in quotes if it is text
line 8: "A" stands twice in on, first in line 5
line 5: the rule for A: the jq expression ` + "`now`" + `: now is off: the answer would depend on the clock; use the event's time
line 6: the rule for B: the jq expression ` + "`.a | nosuch`" + `: there is no function nosuch with 0 arguments
line 7: the rule for C is text, not a list
line 9: "when" is not known; a fold has fold, category, initial and on`,
		`{}`:                                                        "line 1: fold is missing\nline 1: category is missing\nline 1: on is missing",
		`{fold: "", category: "", on: {}}`:                          "fold and category must not be empty",
		`{fold: merge, category: c, on: {}}`:                        "merge is the name of the built-in fold",
		`{fold: f, category: c, on: {"": merge}}`:                   "a type of 0 bytes",
		`{fold: f, category: c, on: {A: }}`:                         "the rule for A is text, not nothing",
		`{fold: f, category: c, on: }`:                              "on is a mapping (key: value), not nothing",
		`{fold: f, category: c, on: {[1]: merge}}`:                  "a key of on is a list; keys are text",
		`{fold: f, category: c, on: {<<: {A: merge}}}`:              "a key of on is",
		`{fold: f, category: c, on: {A: !!binary bWVyZ2U=}}`:        "the tag !!binary is not taken",
		"x: &x [1]\nfold: f\ncategory: c\ninitial: {a: *x}\non: {}": "anchors and aliases (& and *) are not taken",
		"fold: f\ncategory: c\non: {}\ninitial: " + strings.Repeat("[", 200) + strings.Repeat("]", 200): "the value is nested too deep",
		"fold: f\ncategory: c\non: {" + strings.Repeat("A: [], ", 30) + "}":                             "and 10 more",
	} {
		_, err := snapshot.Parse([]byte(text))
		if !errors.Is(err, firn.ErrInvalid) && !errors.Is(err, firn.ErrTooLarge) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v\nwant %s", text, err, want)
		}
	}
}

// FuzzParse: whatever is accepted has a canonical form that is accepted, too, and
// does the same; nothing panics, and nothing grows.
func FuzzParse(f *testing.F) {
	f.Add([]byte(cart))
	f.Add([]byte(`{"fold":"f","category":"c","initial":{"a":[1.50,null,"x"]},"on":{"A":".","*":"fail"}}`))
	f.Add([]byte("a: &a [*a,*a]\nb: &b [*a,*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := snapshot.Parse(text)
		if err != nil {
			return
		}
		again, err := snapshot.Parse(d.JSON())
		if err != nil || string(again.JSON()) != string(d.JSON()) || again.Version(nil) != d.Version(nil) {
			t.Fatalf("%q became %s, and that %v (%v)", text, d.JSON(), again, err)
		}
		if _, err := d.Start(nil); err != nil {
			t.Fatalf("%q cannot start: %v", text, err)
		}
	})
}

func TestRulesFail(t *testing.T) {
	f := parse(t, `{fold: f, category: c, on: {A: .n += 1, Loop: "[range(1e12)]", Large: '"x" * 1e9', Zero: .n / 0, None: empty, Two: "1, 2", Own: 'error("no \($event.data.what)")',
		Bad: fail, Deep: "reduce range(1000) as $i (0; [.])", "*": ignore}}`)
	for typ, want := range map[string]string{
		"Loop": "it was ended after", "Large": "a string of 1000000000 bytes", "Zero": "cannot divide", "None": "it gives no value", "Two": "several values",
		"Own": "no such thing", "Bad": "its rule is fail", "Deep": "nested deeper",
	} {
		_, err := snapshot.Compute(context.Background(), f, nil, history(event(0, "A", `{}`), event(1, typ, `{"what":"such thing"}`), event(2, "A", `{}`)))
		if at, ok := snapshot.IsFoldFailure(err); !ok || at != 11 || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), fmt.Sprintf(`the fold f fails at revision 1 of stream "order-42" (position 11, type %q): `, typ)) {
			t.Errorf("%s: %v; want %s", typ, err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := snapshot.Compute(ctx, f, nil, history(event(0, "A", `{}`))); !errors.Is(err, context.Canceled) || errors.Is(err, firn.ErrProgram) {
		t.Errorf("a caller who goes away gets %v", err)
	}
	unread := func(yield func(firn.Event, error) bool) {
		yield(firn.Event{}, firn.Errorf(firn.ErrDamaged, "a record is damaged"))
	}
	if _, err := snapshot.Compute(context.Background(), f, nil, unread); !errors.Is(err, firn.ErrDamaged) {
		t.Errorf("an event that cannot be read gives %v", err)
	}
	for _, state := range []string{"", "{", "\x00"} {
		for _, f := range []snapshot.Fold{f, snapshot.Merge} {
			if _, err := snapshot.Compute(context.Background(), f, &firn.Snapshot{State: []byte(state)}, history()); !errors.Is(err, firn.ErrDamaged) {
				t.Errorf("a snapshot that holds %q gives %v", state, err)
			}
		}
	}
}

// TestEventInPrograms: $event is the event as the command line prints it.
func TestEventInPrograms(t *testing.T) {
	f := parse(t, `{fold: f, category: order, on: {"*": $event}}`)
	binary := event(3, "Scanned", "\x00\xff")
	binary.ContentType, binary.CorrelationID, binary.Metadata, binary.Occurred = "image/png", "c-1", []byte(`{"actor":"ann"}`), binary.Time
	for _, e := range []firn.Event{event(1, "T", `{"a":100.10}`), event(2, "T", ``), binary, event(4, "T", `{`)} {
		var o jsonline.Object
		eventjson.Event(&o, &e)
		got := compute(t, f, nil, e)
		var a, b any
		if err := errors.Join(json.Unmarshal(got.State, &a), json.Unmarshal(o.Bytes(), &b)); err != nil || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("$event is %s, not %s (%v)", got.State, o.Bytes(), err)
		}
		if strings.Contains(string(o.Bytes()), "100.10") && !bytes.Contains(got.State, []byte("100.10")) {
			t.Errorf("a number was not kept: %s", got.State)
		}
	}
}

// TestSnapshotsChangeNothing: for any fold, any events and any places of
// snapshots, the state is the same to the byte.
func TestSnapshotsChangeNothing(t *testing.T) {
	folds := []snapshot.Fold{snapshot.Merge, counter(t)}
	for _, rule := range []string{
		`.n = (.n // 0) + 1e17`, `.n = ((.n // 1) * 1.1)`, `.n = (.n // 1) * 7`, `.all += [$event.data]`, `. * {x: $event.data}`, `.s = (.s // "") + "é\(.n)"`,
		`.b = ("/w==" | @base64d)`, `.all |= (. // [] | sort | unique)`, `del(.all[0]?)`, `with_entries(.value |= tostring)`, `.n |= (. // 0 | tostring | tonumber)`,
		`.n = -((.n // 0.5) | floor)`, `merge`, `ignore`,
	} {
		var b bytes.Buffer
		fmt.Fprintf(&b, `{"fold":"f","category":"c","on":{"A":%q,"B":".n = (.n // 0) + 1","*":"merge"}}`, rule)
		folds = append(folds, parse(t, b.String()))
	}
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(folds).Draw(t, "fold")
		n := rapid.IntRange(0, 12).Draw(t, "events")
		var events []firn.Event
		for i := range n {
			typ := rapid.SampledFrom([]string{"A", "A", "B", "C"}).Draw(t, "type")
			events = append(events, event(i, typ, `{"m":`+document(2).Draw(t, "data")+`}`))
		}
		whole, err := snapshot.Compute(context.Background(), f, nil, history(events...))
		at := 0
		var from *firn.Snapshot
		for at < n {
			next := rapid.IntRange(at+1, n).Draw(t, "snapshot")
			part, partErr := snapshot.Compute(context.Background(), f, from, history(events[at:next]...))
			if partErr != nil {
				if err == nil || err.Error() != partErr.Error() {
					t.Fatalf("with snapshots: %v; without: %v", partErr, err)
				}
				return
			}
			from, at = &firn.Snapshot{State: part.State, Revision: part.Revision}, next
		}
		if from != nil && (err != nil || string(from.State) != string(whole.State)) {
			t.Fatalf("with snapshots %s; without %s, %v", from.State, whole.State, err)
		}
	})
}

type counted struct {
	Events int            `json:"events"`
	Types  map[string]int `json:"types"`
}

func counter(t testing.TB) snapshot.Fold {
	f, err := snapshot.New("counter", "1", func() counted { return counted{Types: map[string]int{}} }, func(c *counted, e *firn.Event) error {
		switch e.Type {
		case "Bad":
			return errors.New("a bad event")
		case "Worse":
			panic("worse")
		}
		c.Events++
		c.Types[e.Type]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestGoFold(t *testing.T) {
	f := counter(t)
	got := compute(t, f, &firn.Snapshot{State: []byte(`{"events":7,"types":{"B":7}}`), Revision: 6}, event(7, "A", ``), event(8, "A", ``))
	if string(got.State) != `{"events":9,"types":{"A":2,"B":7}}` || got.Revision != 8 {
		t.Errorf("it is %+v", got)
	}
	for typ, want := range map[string]string{"Bad": "a bad event", "Worse": "panic: worse"} {
		_, err := snapshot.Compute(context.Background(), f, nil, history(event(0, typ, ``)))
		if at, ok := snapshot.IsFoldFailure(err); !ok || at != 1 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v", typ, err)
		}
	}
	if _, err := snapshot.New("counter", "", func() int { return 0 }, nil); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("a fold without a version: %v", err)
	}
	if _, err := snapshot.New("a b", "1", func() int { return 0 }, nil); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("a fold with a bad name: %v", err)
	}
	if other, _ := snapshot.New("counter", "2", func() int { return 0 }, func(*int, *firn.Event) error { return nil }); other.Version(nil) == f.Version(nil) {
		t.Error("two versions have the same hash")
	}
}

func BenchmarkDeclared(b *testing.B) {
	f := parse(b, cart)
	events := make([]firn.Event, 1000)
	for i := range events {
		events[i] = event(i, "ItemAdded", fmt.Sprintf(`{"item":{"sku":"a-%d","price":12.50}}`, i))
		if i%8 != 0 {
			events[i] = event(i, "ItemRemoved", fmt.Sprintf(`{"sku":"a-%d"}`, i/8*8))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		compute(b, f, nil, events...)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}
