package rawjson_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/firndb/firn/internal/rawjson"
)

const bytesMax = 1 << 20

func parse(t testing.TB, text string) rawjson.Value {
	t.Helper()
	v, err := rawjson.Parse([]byte(text), bytesMax)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func pointer(t testing.TB, text string) rawjson.Pointer {
	t.Helper()
	p, err := rawjson.ParsePointer(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:                           "not JSON: it ends too early, after 0 bytes",
		`{"a":1`:                     "not JSON: it ends too early, after 6 bytes",
		`{"a" 1}`:                    `not JSON at byte 5: '1' where ':' should be`,
		`{a:1}`:                      `not JSON at byte 1: 'a' where a name in double quotes should be`,
		`[1,]`:                       `not JSON at byte 3: ']' where a value should be`,
		`[01]`:                       `not JSON at byte 2: '1' where ',' or ']' should be`,
		`-`:                          "not JSON: it ends too early, after 1 bytes",
		`1.x`:                        `not JSON at byte 2: 'x' where a digit should be`,
		`1e+`:                        "not JSON: it ends too early, after 3 bytes",
		`{} x`:                       `not JSON at byte 3: 'x' after the end of the value`,
		`"\x"`:                       `not JSON at byte 1: '\\' where an escape that JSON knows should be`,
		"\"a\nb\"":                   `not JSON at byte 2: '\n' where a character of a string (control characters are written as escapes) should be`,
		`tru`:                        `not JSON at byte 0: 't' where a value (true?) should be`,
		"{\"a\":\"\xff\"}":           "not UTF-8 at byte 6",
		strings.Repeat("[", 129):     "at byte 128 it is nested deeper than 128",
		strings.Repeat(" ", 1<<20+1): "it has 1048577 bytes of JSON; at most 1048576 are allowed",
	} {
		if _, err := rawjson.Parse([]byte(text), bytesMax); err == nil || err.Error() != want {
			t.Errorf("%.40q: got %v, want %s", text, err, want)
		}
	}
}

// What is not touched keeps its bytes, apart from the space between its parts.
func TestBytesAreKept(t *testing.T) {
	text := "  { \"a\" : 100.10 , \"\\u0062\":[ 12345678901234567890 , -1.50E+3 , { } , [ ] ],\"c\":\" x\\\" \",\"d\":{\"e\":null} } \n"
	want := `{"a":100.10,"\u0062":[12345678901234567890,-1.50E+3,{},[]],"c":" x\" ","d":{"e":null}}`
	v := parse(t, text)
	if got := string(v.Append(nil)); got != want {
		t.Errorf("closed: %s", got)
	}
	openAll(&v)
	if got := string(v.Append(nil)); got != want {
		t.Errorf("open: %s", got)
	}
	if m := v.Member(rawjson.NewName("b")); m == nil || m.Len() != 4 {
		t.Errorf("a name written with an escape is not found: %v", m)
	}
	if m := v.Get(pointer(t, "/c")); m == nil || m.Text() != ` x" ` {
		t.Errorf("text of /c: %v", m)
	}
}

func openAll(v *rawjson.Value) {
	for _, m := range v.Members() {
		openAll(m)
	}
	for i := range v.Len() {
		if item := v.Item(i); item != nil {
			openAll(item)
		}
	}
}

func TestRepeatedNames(t *testing.T) {
	v := parse(t, `{"a":1,"b":2,"\u0061":3}`)
	if v.Len() != 2 {
		t.Errorf("%d members", v.Len())
	}
	if got := string(v.Bytes()); got != `{"a":3,"b":2}` {
		t.Errorf("got %s", got)
	}
}

func TestPointers(t *testing.T) {
	for text, want := range map[string]string{
		"a":                      `"a" is no JSON Pointer: it must begin with '/', as in /customer/name`,
		"/~":                     `"/~" is no JSON Pointer: '~' is written ~0, and '/' within a name ~1`,
		"/~2":                    `"/~2" is no JSON Pointer: '~' is written ~0, and '/' within a name ~1`,
		strings.Repeat("/a", 33): fmt.Sprintf("the JSON Pointer %.64q has 33 steps; at most 32 are allowed", strings.Repeat("/a", 33)),
	} {
		if _, err := rawjson.ParsePointer(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	// The examples of RFC 6901, section 5.
	v := parse(t, `{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}`)
	for text, want := range map[string]string{
		"/foo": `["bar","baz"]`, "/foo/0": `"bar"`, "/": "0", "/a~1b": "1", "/c%d": "2", "/e^f": "3", "/g|h": "4",
		`/i\j`: "5", `/k"l`: "6", "/ ": "7", "/m~0n": "8",
		"/foo/2": "", "/foo/00": "", "/foo/-": "", "/foo/x": "", "/foo/0/0": "", "/none": "", "/none/x": "",
	} {
		got := ""
		if found := v.Get(pointer(t, text)); found != nil {
			got = string(found.Bytes())
		}
		if got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if whole := v.Get(pointer(t, "")); whole != &v {
		t.Error("the empty pointer is not the whole")
	}
	if !pointer(t, "/a").Contains(pointer(t, "/a/b")) || pointer(t, "/a").Contains(pointer(t, "/ab")) {
		t.Error("Contains goes by letters")
	}
}

func TestChanges(t *testing.T) {
	put := func(at, value string) func(*rawjson.Value) error {
		return func(v *rawjson.Value) error { return v.Put(pointer(t, at), parse(t, value)) }
	}
	remove := func(at, was string) func(*rawjson.Value) error {
		return func(v *rawjson.Value) error {
			old := v.Remove(pointer(t, at))
			if got := string(old.Bytes()); got != was {
				t.Errorf("removed %q at %s, want %q", got, at, was)
			}
			return nil
		}
	}
	rename := func(at, to string, ok bool) func(*rawjson.Value) error {
		return func(v *rawjson.Value) error {
			if v.Rename(pointer(t, at), pointer(t, to)) != ok {
				t.Errorf("rename %s to %s: not %v", at, to, ok)
			}
			return nil
		}
	}
	for _, c := range []struct {
		text   string
		change func(*rawjson.Value) error
		want   string // or the error's text
	}{
		{`{"a":1,"b":2.0}`, put("/a", `"x"`), `{"a":"x","b":2.0}`},
		{`{"a":1}`, put("/b/c/d", `[1.10]`), `{"a":1,"b":{"c":{"d":[1.10]}}}`},
		{`{"a":1}`, put("", `null`), `null`},
		{`{"a":[1,2]}`, put("/a/1", `9`), `{"a":[1,9]}`},
		{`{"a":[1,2]}`, put("/a/-", `9`), `{"a":[1,2,9]}`},
		{`{"a":[1,2]}`, put("/a/2", `9`), `/a is an array of 2 items and has no place "2"`},
		{`{"a":[1,2]}`, put("/a/x/y", `9`), `/a is an array of 2 items and has no place "x"`},
		{`{"a":"text"}`, put("/a/b", `9`), `/a is a string, which can hold no "b"`},
		{`{"a":null}`, put("/a/b/c", `9`), `/a is null, which can hold no "b"`},
		{`7`, put("/a", `9`), `the whole is a number, which can hold no "a"`},
		{`{"a":1,"b":2,"c":3}`, remove("/b", "2"), `{"a":1,"c":3}`},
		{`{"a":1}`, remove("/a", "1"), `{}`},
		{`{"a":[1,2,3]}`, remove("/a/0", "1"), `{"a":[2,3]}`},
		{`{"a":[1]}`, remove("/a/1", ""), `{"a":[1]}`},
		{`{"a":[1]}`, remove("/a/x", ""), `{"a":[1]}`},
		{`{"a":1}`, remove("/x/y", ""), `{"a":1}`},
		{`{"a":1}`, remove("", ""), `{"a":1}`},
		{`{"a":1,"b":2}`, rename("/a", "/c", true), `{"c":1,"b":2}`},
		{`{"a":1,"b":2}`, rename("/a", "/b", false), `{"a":1,"b":2}`},
		{`{"a":1,"b":2}`, rename("/a", "/x/c", false), `{"a":1,"b":2}`},
		{`{"a":{"x":1}}`, rename("/a/x", "/a/y", true), `{"a":{"y":1}}`},
		{`[1]`, rename("/0", "/1", false), `[1]`},
	} {
		v := parse(t, c.text)
		got := ""
		if err := c.change(&v); err != nil {
			got = err.Error()
		} else {
			got = string(v.Append(nil))
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}

// A closed copy does not see what happens to the value, and the other way round.
func TestClosed(t *testing.T) {
	v := parse(t, `{"a":{"b":1}}`)
	v.Get(pointer(t, "/a/b"))
	c := v.Closed()
	v.Put(pointer(t, "/a/b"), rawjson.Int(2))
	if got := string(c.Bytes()); got != `{"a":{"b":1}}` {
		t.Errorf("the copy is %s", got)
	}
}

// Members are set, removed and renamed at random, beside a map and a list that
// do the same, so often that objects pass over into having an index and back.
func TestObjectAgainstMap(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	v := rawjson.EmptyObject()
	want := map[string]string{}
	var order []string
	without := func(name string) {
		for i, n := range order {
			if n == name {
				order = append(order[:i], order[i+1:]...)
				return
			}
		}
	}
	for op := range 20_000 {
		names := 10 + 90*(op/2000%2) // now few, now many
		name := fmt.Sprint("n", rng.IntN(names))
		_, there := want[name]
		switch rng.IntN(3) {
		case 0:
			v.SetMember(rawjson.NewName(name), rawjson.Int(int64(op)))
			if want[name] = fmt.Sprint(op); !there {
				order = append(order, name)
			}
		case 1:
			old := v.RemoveMember(rawjson.NewName(name))
			if string(old.Bytes()) != want[name] {
				t.Fatalf("seed %d, op %d: removed %s, want %s", seed, op, old.Bytes(), want[name])
			}
			delete(want, name)
			without(name)
		case 2:
			to := fmt.Sprint("n", rng.IntN(names))
			_, taken := want[to]
			if ok := v.RenameMember(rawjson.NewName(name), rawjson.NewName(to)); ok != (there && !taken) {
				t.Fatalf("seed %d, op %d: rename %s to %s: %v", seed, op, name, to, ok)
			} else if ok {
				want[to] = want[name]
				delete(want, name)
				for i := range order {
					if order[i] == name {
						order[i] = to
					}
				}
			}
		}
		if v.Len() != len(order) {
			t.Fatalf("seed %d, op %d: %d members, want %d", seed, op, v.Len(), len(order))
		}
		if op%50 == 0 {
			var parts []string
			for _, n := range order {
				parts = append(parts, fmt.Sprintf("%q:%s", n, want[n]))
			}
			if got, want := string(v.Append(nil)), "{"+strings.Join(parts, ",")+"}"; got != want {
				t.Fatalf("seed %d, op %d: %s, want %s", seed, op, got, want)
			}
		}
	}
}

// FuzzParse compares with encoding/json.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e+3,true,false,null,"x\u00e9\n"],"b":{}}`, ` [ ] `, `{"a":1,"a":{"b":2}}`, `"\ud800"`, `[[[`, `-0.0`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := rawjson.Parse(b, bytesMax)
		var want any
		wrong := json.Unmarshal(b, &want)
		if err != nil {
			if wrong == nil && !strings.Contains(err.Error(), "nested") && !strings.Contains(err.Error(), "UTF-8") {
				t.Fatalf("%q was refused: %v", b, err)
			}
			return
		}
		if wrong != nil {
			if _, beyond := wrong.(*json.UnmarshalTypeError); beyond {
				return // 1e999, which only float64 cannot hold
			}
			t.Fatalf("%q was taken: %v", b, wrong)
		}
		openAll(&v)
		var got any
		if err := json.Unmarshal(v.Append(nil), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q became %s", b, v.Bytes())
		}
	})
}

func BenchmarkParseAndSet(b *testing.B) {
	text := []byte(`{"order":"o-1","customer":"c-17","total":100.10,"lines":[{"sku":"a","n":1},{"sku":"b","n":2}],"note":"some words that make it as long as most events are"}`)
	name := rawjson.NewName("currency")
	var out []byte
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		v, err := rawjson.Parse(text, bytesMax)
		if err != nil {
			b.Fatal(err)
		}
		v.SetMember(name, rawjson.NullValue)
		out = v.Append(out[:0])
	}
}
