package history_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/firndb/firn/snapshot/history"
)

type operation struct {
	Op, Path string
	Value    json.RawMessage
}

// apply applies a JSON Patch as RFC 6902, section 4, says.
func apply(document any, patch []operation) (any, error) {
	for _, op := range patch {
		var v any
		if op.Op != "remove" {
			if err := json.Unmarshal(op.Value, &v); err != nil {
				return nil, fmt.Errorf("%+v: %w", op, err)
			}
		}
		var err error
		if document, err = change(document, tokens(op.Path), op.Op, v); err != nil {
			return nil, fmt.Errorf("%+v: %w", op, err)
		}
	}
	return document, nil
}

func tokens(path string) []string {
	if path == "" {
		return nil
	}
	all := strings.Split(path[1:], "/")
	for i := range all {
		all[i] = strings.ReplaceAll(strings.ReplaceAll(all[i], "~1", "/"), "~0", "~")
	}
	return all
}

func change(v any, path []string, op string, value any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	switch v := v.(type) {
	case map[string]any:
		child, there := v[path[0]]
		switch {
		case len(path) > 1:
			changed, err := change(child, path[1:], op, value)
			if err == nil {
				v[path[0]] = changed
			}
			return v, err
		case !there && op != "add":
			return nil, fmt.Errorf("there is no %q", path[0])
		case op == "remove":
			delete(v, path[0])
		default:
			v[path[0]] = value
		}
		return v, nil
	case []any:
		i, err := strconv.Atoi(path[0])
		if path[0] == "-" {
			i, err = len(v), nil
		}
		last := len(v) - 1
		if op == "add" && len(path) == 1 {
			last++
		}
		switch {
		case err != nil || i < 0 || i > last:
			return nil, fmt.Errorf("there is no place %q", path[0])
		case len(path) > 1:
			v[i], err = change(v[i], path[1:], op, value)
			return v, err
		case op == "add":
			return slices.Insert(v, i, value), nil
		case op == "remove":
			return slices.Delete(v, i, i+1), nil
		}
		v[i] = value
		return v, nil
	}
	return nil, fmt.Errorf("%v holds no %q", v, path[0])
}

func patchOf(t failer, p history.Patch) []operation {
	var ops []operation
	if err := json.Unmarshal(p.JSON(), &ops); err != nil {
		t.Fatal(string(p.JSON()), err)
	}
	return ops
}

// The examples of RFC 6902, appendix A, that have the operations that Diff gives:
// they check the test's own apply, and that Diff finds a patch as short.
func TestPatchExamples(t *testing.T) {
	for _, c := range [][3]string{
		{`{"foo":"bar"}`, `[{"op":"add","path":"/baz","value":"qux"}]`, `{"baz":"qux","foo":"bar"}`},
		{`{"foo":["bar","baz"]}`, `[{"op":"add","path":"/foo/1","value":"qux"}]`, `{"foo":["bar","qux","baz"]}`},
		{`{"baz":"qux","foo":"bar"}`, `[{"op":"remove","path":"/baz"}]`, `{"foo":"bar"}`},
		{`{"foo":["bar","qux","baz"]}`, `[{"op":"remove","path":"/foo/1"}]`, `{"foo":["bar","baz"]}`},
		{`{"baz":"qux","foo":"bar"}`, `[{"op":"replace","path":"/baz","value":"boo"}]`, `{"baz":"boo","foo":"bar"}`},
		{`{"foo":"bar"}`, `[{"op":"add","path":"/child","value":{"grandchild":{}}}]`, `{"foo":"bar","child":{"grandchild":{}}}`},
		{`{"foo":["bar"]}`, `[{"op":"add","path":"/foo/1","value":["abc","def"]}]`, `{"foo":["bar",["abc","def"]]}`},
		{`{"/":9,"~1":10}`, `[{"op":"replace","path":"/~01","value":11}]`, `{"/":9,"~1":11}`},
	} {
		var ops []operation
		if err := json.Unmarshal([]byte(c[1]), &ops); err != nil {
			t.Fatal(err)
		}
		if got, err := apply(value(t, c[0]), ops); err != nil || !reflect.DeepEqual(got, value(t, c[2])) {
			t.Errorf("%s with %s is %v, %v", c[0], c[1], got, err)
		}
		p, err := history.Diff([]byte(c[0]), []byte(c[2]))
		if err != nil || string(p.JSON()) != c[1] {
			t.Errorf("from %s to %s: %s, %v; want %s", c[0], c[2], p.JSON(), err, c[1])
		}
	}
	for _, bad := range []string{`[{"op":"add","path":"/baz/bat","value":"qux"}]`, `[{"op":"remove","path":"/baz"}]`} {
		var ops []operation
		if err := json.Unmarshal([]byte(bad), &ops); err != nil {
			t.Fatal(err)
		}
		if _, err := apply(value(t, `{"foo":"bar"}`), ops); err == nil {
			t.Errorf("%s is applied", bad)
		}
	}
}

func TestDiff(t *testing.T) {
	for _, c := range []struct{ a, b, json, lines string }{
		{`{"a":1.0,"b":"\u0041","c":{"x":1,"y":2}}`, `{"c":{"y":2e0,"x":1},"a":1,"b":"A"}`, `[]`, ``},
		{`{"n":12345678901234567890}`, `{"n":12345678901234567891}`, `[{"op":"replace","path":"/n","value":12345678901234567891}]`, "~ /n: 12345678901234567890 → 12345678901234567891"},
		{`{"items":[{"sku":"a","n":1},{"sku":"b","n":1},{"sku":"c","n":1}]}`, `{"items":[{"sku":"b","n":1},{"sku":"c","n":2},{"sku":"d"}]}`,
			`[{"op":"remove","path":"/items/0"},{"op":"replace","path":"/items/1/n","value":2},{"op":"add","path":"/items/2","value":{"sku":"d"}}]`,
			"- /items/0: {\"sku\":\"a\",\"n\":1}\n~ /items/1/n: 1 → 2\n+ /items/2: {\"sku\":\"d\"}"},
		{`{"a":1}`, `[1]`, `[{"op":"replace","path":"","value":[1]}]`, `~ (the whole): {"a":1} → [1]`},
		{`[1,2,3,4]`, `[2,3,4,1]`, `[{"op":"remove","path":"/0"},{"op":"add","path":"/3","value":1}]`, "- /0: 1\n+ /3: 1"},
		{`[1,2,3,0]`, `[9,1,2,3,7]`, `[{"op":"add","path":"/0","value":9},{"op":"replace","path":"/4","value":7}]`, "+ /0: 9\n~ /4: 0 → 7"},
		{`{"a/b":null,"m~n":[]}`, `{"a/b":false,"m~n":[[]]}`, `[{"op":"replace","path":"/a~1b","value":false},{"op":"add","path":"/m~0n/0","value":[]}]`,
			"~ /a~1b: null → false\n+ /m~0n/0: []"},
		{`{"x":"\u001b[31m` + "\u009b" + `"}`, `{}`, `[{"op":"remove","path":"/x"}]`, `- /x: "\u001b[31m` + "\uFFFD" + `"`},
	} {
		p, err := history.Diff([]byte(c.a), []byte(c.b))
		if err != nil || string(p.JSON()) != c.json || strings.Join(p.Lines(), "\n") != c.lines {
			t.Errorf("from %s to %s:\n%s\n%s (%v)", c.a, c.b, p.JSON(), strings.Join(p.Lines(), "\n"), err)
		}
	}
	if _, err := history.Diff([]byte(`{`), []byte(`{}`)); err == nil {
		t.Error("what is no JSON is compared")
	}
}

// TestDiffTurns: the patch turns the first value into the second, and what is the
// same needs none.
func TestDiffTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := document(3).Draw(t, "a"), document(3).Draw(t, "b")
		p, err := history.Diff([]byte(a), []byte(b))
		if err != nil {
			t.Fatal(err)
		}
		got, err := apply(value(t, a), patchOf(t, p))
		if want := value(t, b); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s with %s is %v, %v, not %s", a, p.JSON(), got, err, b)
		}
		if same := reflect.DeepEqual(value(t, a), value(t, b)); same != (len(p) == 0) {
			t.Fatalf("%s and %s: %s", a, b, p.JSON())
		}
	})
}

// TestDiffIsSmall: one thing that is changed, anywhere, is one operation.
func TestDiffIsSmall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := document(3).Draw(t, "document")
		all := leaves(value(t, text), nil, nil)
		if len(all) == 0 {
			return
		}
		path := rapid.SampledFrom(all).Draw(t, "leaf")
		op := "replace"
		if len(path) > 0 && rapid.Bool().Draw(t, "remove") {
			op = "remove"
		}
		changed, err := change(value(t, text), path, op, "something that is nowhere else")
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := history.Diff([]byte(text), b); err != nil || len(p) != 1 {
			t.Fatalf("from %s to %s takes %s (%v)", text, b, p.JSON(), err)
		}
	})
}

// leaves returns the paths of what is neither an object nor an array, or empty.
func leaves(v any, path []string, all [][]string) [][]string {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			all = leaves(child, append(slices.Clone(path), name), all)
		}
		if len(v) > 0 {
			return all
		}
	case []any:
		for i, child := range v {
			all = leaves(child, append(slices.Clone(path), fmt.Sprint(i)), all)
		}
		if len(v) > 0 {
			return all
		}
	}
	return append(all, path)
}

// TestDiffLongArrays: long arrays are compared in bounded time, and rightly.
func TestDiffLongArrays(t *testing.T) {
	var a, b []int
	for i := range 20_000 {
		a, b = append(a, i*7%1000), append(b, i*11%1000)
	}
	from, _ := json.Marshal(a)
	to, _ := json.Marshal(b)
	p, err := history.Diff(from, to)
	if err != nil {
		t.Fatal(err)
	}
	got, err := apply(value(t, string(from)), patchOf(t, p))
	if err != nil || !reflect.DeepEqual(got, value(t, string(to))) {
		t.Errorf("%d operations do not turn one into the other: %v", len(p), err)
	}
}
