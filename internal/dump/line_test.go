package dump_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn/internal/dump"
)

func TestLine(t *testing.T) {
	l := dump.Line{Part: "engine", Kind: "event", Key: []byte{0x65, 0}}
	l.Uint("layer", 3)
	l.Text("stream", "größe 1\n\"x\"")
	l.Flag("set", true)
	l.Flag("not_set", false)
	l.Time("time", time.Date(2026, 3, 1, 14, 32, 7, 0, time.UTC))
	l.Time("never", time.Time{})
	l.Uints("open", []uint64{1, 2})
	l.Texts("types", []string{"A"})
	l.Hex("digest", []byte{1, 0xab})
	l.Payload("data", []byte(`{"a": 1.10}`), 20)
	l.Payload("none", nil, 20)
	l.Payload("binary", []byte{0xff, 1}, 20)
	l.Payload("long", []byte(`{"name":"größer"}`), 12) // the limit is within a letter
	l.Payload("long_binary", []byte{0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0xfa}, 5)
	l.Damage = "flipped"

	const text = `engine event layer=3 stream="größe 1\n\"x\"" set=true time="2026-03-01T14:32:07.000000Z" never=null open=[1,2] types=["A"] digest="01ab" ` +
		`data={"a":1.10} none=null binary_base64="/wE=" long_bytes=19 long_start="{\"name\":\"gr" long_binary_bytes=6 long_binary_start_base64="//79/Ps=" damage="flipped" key="6500"`
	if got := string(l.AppendText(nil)); got != text {
		t.Errorf("%s\nwant\n%s", got, text)
	}
	var object map[string]any
	b := l.AppendJSON(nil)
	if err := json.Unmarshal(b, &object); err != nil || strings.Contains(string(b), "\n") {
		t.Fatalf("%s: %v", b, err)
	}
	if object["part"] != "engine" || object["kind"] != "event" || object["key"] != "6500" || object["stream"] != "größe 1\n\"x\"" {
		t.Errorf("%v", object)
	}
}

func TestHideHashes(t *testing.T) {
	for from, want := range map[string]string{
		`{"role":"admin","tokens":[{"sha256":"12ab","made_us":1772000000000000},{"sha256":"34cd"}]}`: `{"role":"admin","tokens":[{"made_us":1772000000000000,"sha256":"…"},{"sha256":"…"}]}`,
		`{"class":"user","definition":{"token_sha256":"12ab","<":1e400}}`:                            `{"class":"user","definition":{"<":1e400,"token_sha256":"…"}}`,
		`{"sha25\u0036":"12ab"}`: `{"sha256":"…"}`,
		`{"sha256":"12ab"`:       `"…"`,
		`null`:                   `null`,
	} {
		if got := string(dump.HideHashes([]byte(from))); got != want {
			t.Errorf("%s became %s, want %s", from, got, want)
		}
	}
}
