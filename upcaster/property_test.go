package upcaster_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/firndb/firn"
	"github.com/firndb/firn/upcaster"
)

var (
	names  = rapid.SampledFrom([]string{"a", "b", "c", "d~e", "f/g"})
	leaves = rapid.SampledFrom([]string{"100.10", "12345678901234567890", "1e2", `"x"`, `"7.50"`, "true", "null", "[1, 2.0]", "[ ]"})
)

func escaped(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func document(t *rapid.T, depth int) string {
	var members []string
	for _, name := range rapid.SliceOfNDistinct(names, 0, 4, rapid.ID).Draw(t, "names") {
		value := leaves.Draw(t, "leaf")
		if depth > 0 && rapid.Bool().Draw(t, "deep") {
			value = document(t, depth-1)
		}
		members = append(members, fmt.Sprintf("%q: %s", name, value))
	}
	return "{ " + strings.Join(members, " , ") + " }"
}

func path(t *rapid.T) string {
	p := ""
	for range rapid.IntRange(1, 3).Draw(t, "steps") {
		p += "/" + escaped(names.Draw(t, "name"))
	}
	return p
}

// change is what one step does, in YAML and as the dumb twin does it.
type change struct{ kind, path, to string }

func (c change) yaml() string {
	switch c.kind {
	case "drop":
		return fmt.Sprintf("drop: [%q]", c.path)
	case "default":
		return fmt.Sprintf("default: {%q: {new: 1.50}}", c.path)
	case "jq":
		return `jq: 'if type == "object" then .j = "k" else . end'`
	case "convert":
		return fmt.Sprintf("convert: {%q: string}", c.path)
	}
	return fmt.Sprintf("%s: {%q: %q}", c.kind, c.path, c.to)
}

func drawChange(t *rapid.T, kinds ...string) change {
	c := change{kind: rapid.SampledFrom(kinds).Draw(t, "kind"), path: path(t)}
	switch c.kind {
	case "move":
		c.to = path(t)
		if strings.HasPrefix(c.to+"/", c.path+"/") || strings.HasPrefix(c.path+"/", c.to+"/") {
			c.to = "/elsewhere" // paths that overlap are refused
		}
	case "rename":
		c.to = c.path[:strings.LastIndex(c.path, "/")+1] + escaped(rapid.SampledFrom([]string{"a", "b", "new"}).Draw(t, "to"))
		if c.to == c.path {
			c.to += "2"
		}
	}
	return c
}

func step(i int, c change) string {
	return fmt.Sprintf("{type: T, from: %d, to: %d, %s}", i+1, i+2, c.yaml())
}

// Applying a chain at once is applying it step by step, in failure, too.
func TestChainsCompose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := document(t, 2)
		n := rapid.IntRange(1, 5).Draw(t, "length")
		var lines []string
		at := upcaster.Shape{Type: "T", Schema: uint32(rapid.IntRange(0, 1).Draw(t, "schema")), ContentType: firn.JSON, Data: []byte(doc)}
		start := at
		var failed *upcaster.Error
		for i := range n {
			line := step(i, drawChange(t, "rename", "move", "drop", "default", "convert", "jq"))
			lines = append(lines, line)
			if failed != nil {
				continue
			}
			var err error
			single := must(upcaster.NewRegistry(must(upcaster.Parse([]byte("upcaster: u\nsteps: [" + line + "]")))))
			if at, err = single.For("").Apply(t.Context(), at); err != nil && !errors.As(err, &failed) {
				t.Fatal(err)
			}
		}
		whole := must(upcaster.NewRegistry(must(upcaster.Parse([]byte("upcaster: u\nsteps:\n- " + strings.Join(lines, "\n- "))))))
		got, err := whole.For("").Apply(t.Context(), start)
		if failed != nil {
			var typed *upcaster.Error
			if !errors.As(err, &typed) || typed.Reason != failed.Reason || typed.Step != failed.Step || typed.Path != failed.Path {
				t.Fatalf("at once: %v\nstep by step: %v", err, failed)
			}
			if !reflect.DeepEqual(got, start) {
				t.Fatalf("it failed and changed: %+v", got)
			}
			return
		}
		if err != nil || got.Schema != at.Schema || !bytes.Equal(got.Data, at.Data) {
			t.Fatalf("%s\nat once:      %d %s, %v\nstep by step: %d %s", doc, got.Schema, got.Data, err, at.Schema, at.Data)
		}
		if again, err := whole.For("").Apply(t.Context(), got); err != nil || &again.Data[0] != &got.Data[0] || again.Schema != got.Schema {
			t.Fatalf("in today's shape it was touched: %s, %v", again.Data, err)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A dumb twin over maps does the same to the values.
func TestAgainstMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := document(t, 2)
		c := drawChange(t, "rename", "drop", "default", "move")
		var want any
		decode(t, []byte(doc), &want)
		fits := twin(want.(map[string]any), c)
		r := must(upcaster.NewRegistry(must(upcaster.Parse([]byte("upcaster: u\nsteps: [" + step(0, c) + "]")))))
		out, err := r.For("").Apply(t.Context(), upcaster.Shape{Type: "T", ContentType: firn.JSON, Data: []byte(doc)})
		if (err == nil) != fits {
			t.Fatalf("%s on %s: %v; the twin: %v", c.yaml(), doc, err, fits)
		}
		if err != nil {
			return
		}
		var got any
		decode(t, out.Data, &got)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%s on %s: %s, want %v", c.yaml(), doc, out.Data, want)
		}
	})
}

func decode(t *rapid.T, text []byte, v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
}

// twin does a change to a map, and reports whether it can be done.
func twin(doc map[string]any, c change) bool {
	value, there := lookUp(doc, c.path)
	switch c.kind {
	case "drop":
		take(doc, c.path)
		return true
	case "default":
		return there || put(doc, c.path, map[string]any{"new": json.Number("1.50")})
	}
	if !there {
		return true
	}
	if _, taken := lookUp(doc, c.to); taken {
		return false
	}
	take(doc, c.path)
	return put(doc, c.to, value)
}

func split(path string) (way []string, last string) {
	for _, p := range strings.Split(path, "/")[1:] {
		way = append(way, strings.NewReplacer("~1", "/", "~0", "~").Replace(p))
	}
	return way[:len(way)-1], way[len(way)-1]
}

func parent(doc map[string]any, way []string, make bool) map[string]any {
	for _, name := range way {
		if _, there := doc[name]; !there && make {
			doc[name] = map[string]any{}
		}
		next, ok := doc[name].(map[string]any)
		if !ok {
			return nil
		}
		doc = next
	}
	return doc
}

func lookUp(doc map[string]any, path string) (any, bool) {
	way, last := split(path)
	v, there := parent(doc, way, false)[last]
	return v, there
}

func take(doc map[string]any, path string) {
	way, last := split(path)
	delete(parent(doc, way, false), last)
}

func put(doc map[string]any, path string, value any) bool {
	way, last := split(path)
	at := parent(doc, way, true)
	if at == nil {
		return false
	}
	at[last] = value
	return true
}

// FuzzApply gives any bytes to a chain of everything.
func FuzzApply(f *testing.F) {
	r := must(upcaster.NewRegistry(must(upcaster.Parse([]byte(`
upcaster: everything
steps:
  - {type: T, from: 1, to: 2, rename: {/a: /b, /o/x: /o/y}, move: {/c: /d/-, /e: /f/g}, drop: [/h, /l/0], default: {/i: 1.50, /o/z: []}}
  - {type: T, from: 2, to: 3, convert: {/n: [number, {shift: 2}], /t: seconds-to-time, /u: time-to-micros, /v: integer, /w: json, /s: {map: {x: 1}}, "": array}}
  - {type: T, from: 3, to: 3, renameType: U, jq: '.[0].x?'}
`)))))
	f.Add([]byte(`{"a":1,"o":{"x":2},"c":3,"d":[],"e":4,"h":5,"l":[6,7]}`))
	f.Add([]byte(`{"n":"1e2","t":1.5,"u":"2026-03-01T14:32:07Z","v":1e3,"w":"{\"a\":[]}","s":"x"}`))
	f.Add([]byte(`{"a":1,"b":2}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, rules := range []*upcaster.Rules{r.For(""), r.For("order")} {
			in := upcaster.Shape{Type: "T", Schema: 1, ContentType: firn.JSON, Data: data}
			out, err := rules.Apply(t.Context(), in)
			if err != nil {
				var typed *upcaster.Error
				if !errors.As(err, &typed) || typed.Reason == "" || !reflect.DeepEqual(out, in) {
					t.Fatalf("%q: %v, %+v", data, err, out)
				}
				continue
			}
			if out.Type != "U" || out.Schema != 3 || !json.Valid(out.Data) || rules.Applies(out.Type, out.Schema) {
				t.Fatalf("%q became %s %d %q", data, out.Type, out.Schema, out.Data)
			}
		}
	})
}
