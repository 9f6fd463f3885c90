package jsonline_test

import (
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
		`{} x`:             `something follows the JSON object: "x"`,
		"{\"a\":\"\xff\"}": "not UTF-8 at byte 6",
		`{"a":tru}`:        "not JSON at byte 9: invalid character '}' in literal true (expecting 'e')",
		``:                 "not JSON: it ends too early, after 0 bytes",
	} {
		if _, err := jsonline.Members([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func FuzzMembers(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{"c":null}]}`))
	f.Add([]byte(`{"a"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := jsonline.Members(b)
		if err == nil && !jsonline.Valid(b) {
			t.Errorf("%q gave members but is not JSON", b)
		}
		for _, m := range all {
			if b[m.Start] != '"' {
				t.Errorf("%q: the member %q does not begin at %d", b, m.Name, m.Start)
			}
		}
	})
}
