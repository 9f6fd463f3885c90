package snapshot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot"
)

// event is the n-th event of a stream, with data.
func event(n int, typ, data string) firn.Event {
	return firn.Event{
		Stream: "order-42", Revision: firn.Revision(n), Position: firn.Position(10*n + 1), ID: firn.DeriveID(firn.ID{1}, n),
		Time: time.Date(2026, 3, 1, 12, 0, n, 0, time.UTC), Type: typ, Schema: 1, ContentType: firn.JSON, Data: []byte(data), Count: 1,
	}
}

func history(events ...firn.Event) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func merged(data ...string) []firn.Event {
	var all []firn.Event
	for i, d := range data {
		all = append(all, event(i, "T", d))
	}
	return all
}

func compute(t testing.TB, f snapshot.Fold, from *firn.Snapshot, events ...firn.Event) snapshot.Computed {
	t.Helper()
	c, err := snapshot.Compute(context.Background(), f, from, history(events...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// folds are Merge, and one that does the same with values instead of a tree.
func mergeFolds(t testing.TB) []*snapshot.Declared {
	values, err := snapshot.Parse([]byte(`{fold: f, category: order, on: {Never: ".", "*": merge}}`))
	if err != nil {
		t.Fatal(err)
	}
	return []*snapshot.Declared{snapshot.Merge, values}
}

// The examples of RFC 7396, appendix A: original, patch, result.
func TestMergeExamples(t *testing.T) {
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		for _, f := range mergeFolds(t) {
			from := firn.Snapshot{State: []byte(c[0])}
			got := string(compute(t, f, &from, event(1, "T", c[1])).State)
			if f != snapshot.Merge { // it sorts the members
				if !reflect.DeepEqual(value(t, got), value(t, c[2])) {
					t.Errorf("%s with %s, as values, is %s, not %s", c[0], c[1], got, c[2])
				}
			} else if got != c[2] {
				t.Errorf("%s with %s is %s, not %s", c[0], c[1], got, c[2])
			}
		}
	}
}

func value(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// TestMergeKeepsBytes: what is carried over is what was written, in the order in
// which it first came.
func TestMergeKeepsBytes(t *testing.T) {
	events := merged(
		` { "total" : 100.10, "big": 12345678901234567890, "text": "\u00e9 <&> /" , "list": [ 1e2, {"b":1,"a":2} ] } `,
		`{"rate":-1.50E+3,"total":1e2,"gone":1}`, `{"gone":null,"big":0.0}`, ``, `{"gone":{"x":{"z":1,"y":null}},"\u0074otal":7.70}`)
	got := compute(t, snapshot.Merge, nil, events...)
	if want := `{"total":7.70,"big":0.0,"text":"\u00e9 <&> /","list":[1e2,{"b":1,"a":2}],"rate":-1.50E+3,"gone":{"x":{"z":1}}}`; string(got.State) != want {
		t.Errorf("got  %s\nwant %s", got.State, want)
	}
	if got.Revision != 4 || got.Position != 41 || !got.Time.Equal(events[4].Time) || got.Empty || got.Events != 5 {
		t.Errorf("it says it is %+v", got)
	}
	values := compute(t, mergeFolds(t)[1], nil, events...)
	if want := `{"big":0.0,"gone":{"x":{"z":1}},"list":[1e2,{"a":2,"b":1}],"rate":-1.50E+3,"text":"é <&> /","total":7.70}`; string(values.State) != want {
		t.Errorf("as values: %s", values.State)
	}
	for i := range events {
		if want := merged(string(events[i].Data))[0].Data; string(events[i].Data) != string(want) {
			t.Errorf("the data of event %d was changed", i)
		}
	}
}

// document draws a JSON text, with names and numbers spelt in many ways.
func document(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kinds := 6
		if depth == 0 {
			kinds = 4
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return "null"
		case 1:
			return rapid.SampledFrom([]string{"true", "false", `"x"`, `""`, `"\u0041"`, `"A"`, `" / \/ "`}).Draw(t, "scalar")
		case 2:
			return rapid.SampledFrom([]string{"0", "-0", "1", "1.0", "100.10", "1e2", "1E+2", "12345678901234567890", "-0.5e-3"}).Draw(t, "number")
		case 3:
			return "{}"
		case 4:
			items := rapid.SliceOfN(document(depth-1), 0, 3).Draw(t, "items")
			return "[" + strings.Join(items, ", ") + "]"
		}
		members := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			name := rapid.SampledFrom([]string{`"a"`, `"b"`, `"\u0061"`, `"c d"`, `""`, `"a/b"`, `"m~n"`, `"é"`, `"0"`}).Draw(t, "name")
			return name + " : " + document(depth-1).Draw(t, "value")
		}), 0, 4).Draw(t, "members")
		return " {" + strings.Join(members, ",") + "}\n"
	})
}

// dumbMerge is the pseudo code of RFC 7396, section 2.
func dumbMerge(target, patch any) any {
	if patch, ok := patch.(map[string]any); ok {
		object, ok := target.(map[string]any)
		if !ok {
			object = map[string]any{}
		}
		for name, value := range patch {
			if value == nil {
				delete(object, name)
			} else {
				object[name] = dumbMerge(object[name], value)
			}
		}
		return object
	}
	return patch
}

// TestMergeLikeRFC compares both ways to merge with the pseudo code, and states
// that went through snapshots with those that did not.
func TestMergeLikeRFC(t *testing.T) {
	folds := mergeFolds(t)
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(document(3), 0, 8).Draw(t, "events")
		var want any = map[string]any{}
		for _, d := range data {
			var patch any
			dec := json.NewDecoder(strings.NewReader(d))
			dec.UseNumber()
			if err := dec.Decode(&patch); err != nil {
				t.Fatalf("%s: %v", d, err)
			}
			want = dumbMerge(want, patch)
		}
		events := merged(data...)
		at := rapid.IntRange(0, len(events)).Draw(t, "snapshot")
		for _, f := range folds {
			whole, err := snapshot.Compute(context.Background(), f, nil, history(events...))
			if err != nil {
				t.Fatal(err)
			}
			if got := value(&testing.T{}, string(whole.State)); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: got %s, want %v", f.Name(), whole.State, want)
			}
			first, err := snapshot.Compute(context.Background(), f, nil, history(events[:at]...))
			if err != nil {
				t.Fatal(err)
			}
			kept := strings.Clone(string(first.State))
			second, err := snapshot.Compute(context.Background(), f, &firn.Snapshot{State: first.State}, history(events[at:]...))
			if err != nil || string(second.State) != string(whole.State) {
				t.Fatalf("%s: from a snapshot %s, %v; without one %s", f.Name(), second.State, err, whole.State)
			}
			if string(first.State) != kept {
				t.Fatalf("the snapshot was changed to %s", first.State)
			}
		}
	})
}

// FuzzMerge merges anything that is JSON, and compares with the pseudo code.
func FuzzMerge(f *testing.F) {
	f.Add([]byte(`{"a":{"b":1,"c":null},"d":[1,null]}`), []byte(`{"a":{"b":null,"e":{"x":null}},"d":null}`))
	f.Add([]byte(`{"a":1,"a":{"b":2},"a":{"c":3}}`), []byte(`{"a":{"d":1},"a":null}`))
	f.Add([]byte(`[[[[`), []byte("{\"\xff\":1}"))
	f.Fuzz(func(t *testing.T, state, patch []byte) {
		if len(state) == 0 || len(patch) == 0 {
			return
		}
		c, err := snapshot.Compute(context.Background(), snapshot.Merge, &firn.Snapshot{State: state}, history(event(0, "T", string(patch))))
		if !json.Valid(state) || !json.Valid(patch) {
			if err == nil {
				t.Fatalf("%q with %q is %s", state, patch, c.State)
			}
			return
		}
		if err != nil {
			return // too deep, or not UTF-8
		}
		got, want := value(t, string(c.State)), dumbMerge(value(t, string(state)), value(t, string(patch)))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s with %s is %s, not %v", state, patch, c.State, want)
		}
	})
}

func TestMergeFails(t *testing.T) {
	binary := event(1, "Scanned", "\x00\x01")
	binary.ContentType = "image/png"
	for want, e := range map[string]firn.Event{
		`the fold merge fails at revision 1 of stream "order-42" (position 11, type "Scanned"): its data is not JSON, so it cannot be merged (its content type is image/png)`: binary,
		`its data is not JSON, so it cannot be merged: not JSON at byte 5`:                                                                                                    event(1, "T", `{"a":x}`),
		`nested deeper than 128`: event(1, "T", strings.Repeat("[", 200)+strings.Repeat("]", 200)),
		`not UTF-8`:              event(1, "T", "{\"a\":\"\xff\"}"),
	} {
		for _, f := range mergeFolds(t) {
			_, err := snapshot.Compute(context.Background(), f, nil, history(event(0, "T", `{}`), e, event(2, "T", `{}`)))
			if at, ok := snapshot.IsFoldFailure(err); !ok || at != 11 || !strings.Contains(err.Error(), strings.Replace(want, "fold merge", "fold "+f.Name(), 1)) {
				t.Errorf("%v; want %s", err, want)
			}
		}
	}
}

// TestStateTooLarge: the event that makes a state too large is named, whichever
// way the state was come to.
func TestStateTooLarge(t *testing.T) {
	large := `"` + strings.Repeat("x", firn.SnapshotBytesMax/2-20) + `"`
	events := merged(`{"a":`+large+`}`, `{"a":null}`, `{"b":`+large+`}`, `{"b":1,"c":`+large+`}`, `{"d":`+large+`}`, `{"e":`+large+`}`)
	first := compute(t, snapshot.Merge, nil, events[:4]...)
	for _, err := range []error{
		func() error {
			_, err := snapshot.Compute(context.Background(), snapshot.Merge, nil, history(events...))
			return err
		}(),
		func() error {
			_, err := snapshot.Compute(context.Background(), snapshot.Merge, &firn.Snapshot{State: first.State}, history(events[4:]...))
			return err
		}(),
	} {
		if at, _ := snapshot.IsFoldFailure(err); at != 51 || !strings.Contains(err.Error(), "at most 4194304 are allowed") {
			t.Errorf("%.300v", err)
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	events := make([]firn.Event, 1000)
	for i := range events {
		events[i] = event(i, "T", fmt.Sprintf(`{"total":%d.10,"status":"paid","items":{"item-%d":{"sku":"a-17","price":12.50,"count":%d}}}`, i, i%10, i))
	}
	b.ReportAllocs()
	for b.Loop() {
		compute(b, snapshot.Merge, nil, events...)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}
