package jsonline_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn/internal/jsonline"
)

func TestObject(t *testing.T) {
	var o jsonline.Object
	if got := string(o.Bytes()); got != "{}" {
		t.Errorf("an empty object is %s", got)
	}
	o.String("s", "a<b> & \"c\"\nü\u2028")
	o.Uint("n", 1<<63)
	o.Bool("b", true)
	o.Time("t", time.Date(2026, 3, 1, 14, 32, 7, 120_000_000, time.FixedZone("", 3600)))
	o.Time("zero", time.Time{})
	o.JSON("j", []byte(` { "total" : 100.10, "big": 12345678901234567890, "e": 1e2 } `))
	o.Base64("x", []byte{0xff, 0})
	o.Strings("l", []string{"a", "b"})
	want := `{"s":"a<b> & \"c\"\nü\u2028","n":9223372036854775808,"b":true,"t":"2026-03-01T13:32:07.120000Z","zero":null,` +
		`"j":{"total":100.10,"big":12345678901234567890,"e":1e2},"x":"/wA=","l":["a","b"]}`
	if got := string(o.Bytes()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMembers(t *testing.T) {
	text := `{ "a" : 1.50, "b":{"c":[]} }`
	all, err := jsonline.Members([]byte(text))
	if err != nil || len(all) != 2 || string(all[0].Value) != "1.50" || all[1].Name != "b" {
		t.Fatalf("got %v, %v", all, err)
	}
	if text[all[1].Start] != '"' || text[all[1].Start+1] != 'b' {
		t.Errorf("the second member begins at %d", all[1].Start)
	}
	for text, want := range map[string]string{
		`[1]`:              "not a JSON object ({…})",
		`{"a":1`:           "not JSON: it ends too early, after 6 bytes",
		`{"a":1,"a":2}`:    `the name "a" stands twice in one object`,
		`{} x`:             "not JSON at byte 4: invalid character 'x' after top-level value",
		"{\"a\":\"\xff\"}": "not UTF-8 at byte 6",
		`{"a":tru}`:        "not JSON at byte 9: invalid character '}' in literal true (expecting 'e')",
		``:                 "not JSON: it ends too early, after 0 bytes",
	} {
		if _, err := jsonline.Members([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestElements(t *testing.T) {
	for text, want := range map[string]string{
		` [ ] `:                  "",
		`[1, {"a":[2,"]"]} ,""]`: `1|{"a":[2,"]"]}|""`,
	} {
		all, err := jsonline.Elements([]byte(text), 3)
		if got := string(bytes.Join(all, []byte("|"))); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"a":1}`:      "not a JSON list ([…])",
		`[1,`:          "not JSON: it ends too early, after 3 bytes",
		"[\"\xff\"]":   "not UTF-8 at byte 2",
		`[1, 2, 3, 4]`: "a list of more than 3 elements",
	} {
		if _, err := jsonline.Elements([]byte(text), 3); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// FuzzMembers compares with encoding/json, which takes the last of several
// members with one name.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{"c":null}], "d" : "x\\\"y" ,"e":{},"f":-1.5e+3 }`))
	f.Add([]byte(` {"\u0061":true,"a":false}`))
	f.Add([]byte(`{"a"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := jsonline.Members(b)
		var want map[string]json.RawMessage
		wrong := !jsonline.Valid(b) || json.Unmarshal(b, &want) != nil || want == nil
		if err != nil {
			if !wrong && !strings.Contains(err.Error(), "stands twice") {
				t.Errorf("%q was refused: %v", b, err)
			}
			return
		}
		if wrong || len(all) != len(want) {
			t.Fatalf("%q: %d members, want %d (invalid: %v)", b, len(all), len(want), wrong)
		}
		for _, m := range all {
			if value, ok := want[m.Name]; !ok || string(value) != string(m.Value) || b[m.Start] != '"' {
				t.Errorf("%q: member %q is %s at %d; want %s", b, m.Name, m.Value, m.Start, value)
			}
		}
	})
}

func BenchmarkMembers(b *testing.B) {
	line := []byte(`{"specversion":"1.0","id":"e-17","source":"test","type":"Measured","subject":"dev-17","time":"2010-10-02T07:20:39.123Z",` +
		`"datacontenttype":"application/json","data":{"n":17,"text":"some words that make it as long as most events are"}}`)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := jsonline.Members(line); err != nil {
			b.Fatal(err)
		}
	}
}
