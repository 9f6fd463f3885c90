package cloudevents_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
)

const permit = `{"specversion":"1.0","id":"59286830-a0cd-5966-9801-a6ce7ecf77f3","source":"coselog/permits",` +
	`"type":"T02 Check","subject":"permit-891","time":"2010-10-02T07:20:39.266Z",` +
	`"datacontenttype":"application/json","data":{"task": "task-4", "n":100.10}}`

var recorded = time.Date(2026, 3, 1, 14, 32, 7, 5000, time.UTC)

// store makes of a draft what a store makes of it.
func store(stream string, d firn.Draft, revision firn.Revision, position firn.Position, at time.Time) firn.Event {
	if d.ContentType == "" {
		d.ContentType = firn.JSON
	}
	return firn.Event{
		Stream: stream, Revision: revision, Position: position, Time: at, Count: 1,
		ID: d.ID, Type: d.Type, Schema: d.Schema, ContentType: d.ContentType, Data: d.Data, Metadata: d.Metadata,
		CorrelationID: d.CorrelationID, CausationID: d.CausationID, Occurred: d.Occurred,
	}
}

func parse(t require, line string) (string, firn.Draft) {
	stream, d, err := cloudevents.Parse([]byte(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return stream, d
}

type require interface{ Fatalf(string, ...any) }

func TestImportOfAForeignFile(t *testing.T) {
	stream, d := parse(t, permit)
	if stream != "permit-891" || d.ID.String() != "59286830-a0cd-5966-9801-a6ce7ecf77f3" || d.Type != "T02 Check" {
		t.Errorf("got %s %+v", stream, d)
	}
	if got := string(d.Data); got != `{"task":"task-4","n":100.10}` {
		t.Errorf("data %s", got)
	}
	if got := string(d.Metadata); got != `{"cloudevents":{"source":"coselog/permits"}}` {
		t.Errorf("metadata %s", got)
	}
	if want := time.Date(2010, 10, 2, 7, 20, 39, 266e6, time.UTC); !d.Occurred.Equal(want) {
		t.Errorf("occurred %v", d.Occurred)
	}
	e := store(stream, d, 0, 1, recorded)
	want := `{"specversion":"1.0","id":"59286830-a0cd-5966-9801-a6ce7ecf77f3","source":"coselog/permits",` +
		`"type":"T02 Check","subject":"permit-891","time":"2010-10-02T07:20:39.266Z",` +
		`"datacontenttype":"application/json","firnrevision":0,"firnposition":1,"firntime":"2026-03-01T14:32:07.000005Z",` +
		`"data":{"task":"task-4","n":100.10}}`
	if got := string(cloudevents.Append(nil, &e)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnIDThatIsNoUUID(t *testing.T) {
	line := strings.Replace(permit, "59286830-a0cd-5966-9801-a6ce7ecf77f3", "A/17", 1)
	stream, d := parse(t, line)
	if d.ID != cloudevents.DeriveID("coselog/permits", "A/17") || d.ID[6]>>4 != 5 {
		t.Errorf("id %s", d.ID)
	}
	e := store(stream, d, 0, 1, recorded)
	if got := string(cloudevents.Append(nil, &e)); !strings.Contains(got, `"id":"A/17","source":"coselog/permits"`) {
		t.Errorf("the original id is lost: %s", got)
	}
}

func TestWhatHasNoPlaceIsKept(t *testing.T) {
	line := `{"specversion":"1.0","id":"x","source":"s","type":"T","subject":"a-1","dataschema":"urn:s","sampled":0.50,` +
		`"traceparent":"00-1-2-01","partitionkey":null,"datacontenttype":"text/plain","data":"plain ☃"}`
	stream, d := parse(t, line)
	want := `{"traceparent":"00-1-2-01","cloudevents":{"source":"s","id":"x","dataschema":"urn:s","sampled":0.50}}`
	if string(d.Metadata) != want || string(d.Data) != "plain ☃" {
		t.Errorf("metadata %s\nwant     %s\ndata %s", d.Metadata, want, d.Data)
	}
	e := store(stream, d, 0, 1, recorded)
	out := string(cloudevents.Append(nil, &e))
	for _, part := range []string{`"dataschema":"urn:s","sampled":0.50`, `"traceparent":"00-1-2-01"`,
		`"firnmetadata":"{\"traceparent\":\"00-1-2-01\"}"`, `"data_base64":"cGxhaW4g4piD"`} {
		if !strings.Contains(out, part) {
			t.Errorf("%s is not in %s", part, out)
		}
	}
}

func TestRefusedLines(t *testing.T) {
	change := func(old, new string) string {
		if !strings.Contains(permit, old) {
			t.Fatalf("%s is not in the line", old)
		}
		return strings.Replace(permit, old, new, 1)
	}
	for line, want := range map[string]string{
		`{"specversion":`:                             "not JSON: it ends too early, after 15 bytes",
		`[]`:                                          "not a JSON object ({…})",
		change(`"1.0"`, `"0.3"`):                      `specversion is "0.3"; CloudEvents 1.0 is what can be read`,
		change(`"subject":"permit-891",`, ``):         "the attribute subject is missing or empty (it names the stream)",
		change(`"permit-891"`, `"$permit"`):           `the subject "$permit" begins with '$'; such streams are the system's`,
		change(`"permit-891"`, `"a\u0000b"`):          `the stream's name "a\x00b" has a control character at byte 1`,
		change(`"permit-891"`, `7`):                   "subject is 7; it must be a string",
		change(`2010-10-02T07:20:39.266Z`, `noon`):    `time is "noon"; it must be a moment like 2026-03-01T14:32:07Z`,
		change(`"data":`, `"data_base64":"!","x":`):   "data_base64 is not base64: illegal base64 data at input byte 0",
		change(`"data":`, `"data_base64":"","data":`): "both data and data_base64 are given; only one can be the data",
		change(`"data":`, `"firnschema":-1,"data":`):  "firnschema is -1; it must be a number from 0 to 4294967295",
	} {
		_, _, err := cloudevents.Parse([]byte(line))
		if err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", line, err, want)
		}
	}
}

var firntime = regexp.MustCompile(`"firntime":"[^"]*",?`)

// TestTimesGoOutAsTheyCame holds the commonest ways to write a time.
func TestTimesGoOutAsTheyCame(t *testing.T) {
	for _, at := range []string{"2010-10-02T07:20:39Z", "2010-10-02T07:20:39.970Z", "2010-10-02T07:20:39.000500Z"} {
		stream, d := parse(t, strings.Replace(permit, "2010-10-02T07:20:39.266Z", at, 1))
		e := store(stream, d, 0, 1, recorded)
		if out := cloudevents.Append(nil, &e); !bytes.Contains(out, []byte(`"time":"`+at+`"`)) {
			t.Errorf("%s went out as %s", at, out)
		}
	}
}

// TestRoundTrip holds what doc.go promises: out, in and out again is the same
// apart from firntime, whatever an application wrote.
func TestRoundTrip(t *testing.T) {
	metadata := rapid.SampledFrom([]string{"", "{}", "{ }", `{"a":1}`, ` { "a" : [1, 2] , "b":"<ü>"} `, `[1]`, "\xff\x00", "text",
		`{"traceparent":"00-1"}`, `{"tracestate":7}`, `{"cloudevents":7}`, `{"cloudevents":{"source":"x","id":"not its own"}}`,
		`{"cloudevents":{"source":"x","ext":[1.50]}}`, `{"cloudevents":{"data":1}}`, `{"a":1,"a":2}`, `{"cloudevents":{"a":1},"z":1}`})
	data := rapid.SampledFrom([]string{"", "null", `{"n": 1e2, "big":12345678901234567890}`, "{", "\xff", `"<&>"`, "plain"})
	contentType := rapid.SampledFrom([]string{"", "application/json", "application/vnd.x+json; charset=utf-8", "text/plain", "bad;;"})
	rapid.Check(t, func(t *rapid.T) {
		d := firn.Draft{
			ID: firn.NewID(), Type: "T", Schema: rapid.Uint32().Draw(t, "schema"), ContentType: contentType.Draw(t, "content type"),
			Data: []byte(data.Draw(t, "data")), Metadata: []byte(metadata.Draw(t, "metadata")),
			CorrelationID: rapid.SampledFrom([]string{"", "c"}).Draw(t, "correlation"),
		}
		if rapid.Bool().Draw(t, "occurred") {
			d.Occurred = time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "µs"))
		}
		first := store("order-1", d, 7, 99, recorded)
		out := string(cloudevents.Append(nil, &first))
		_, again := parse(t, out)
		second := store("order-1", again, 0, 1, recorded.Add(time.Hour))
		back := string(cloudevents.Append(nil, &second))
		a, b := firntime.ReplaceAllString(out, ""), firntime.ReplaceAllString(back, "")
		if !editable(string(d.Metadata)) { // nothing can be kept beside it, so its place is the new one
			b = strings.Replace(b, `"firnrevision":0,"firnposition":1`, `"firnrevision":7,"firnposition":99`, 1)
			if !bytes.Equal(again.Metadata, d.Metadata) {
				t.Errorf("metadata %q came back as %q", d.Metadata, again.Metadata)
			}
		}
		if a != b {
			t.Errorf("out   %s\nagain %s\nstored %s", a, b, again.Metadata)
		}
	})
}

// editable reports whether attributes can be kept beside the metadata.
func editable(metadata string) bool {
	switch metadata {
	case `[1]`, "\xff\x00", "text", `{"a":1,"a":2}`, `{"cloudevents":7}`, `{"cloudevents":{"data":1}}`,
		`{"cloudevents":{"source":"x","id":"not its own"}}`, `{"cloudevents":{"a":1},"z":1}`:
		return false
	}
	return true
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(permit))
	f.Add([]byte(`{"specversion":"1.0","id":"x","source":"s","type":"T","subject":"a","firnmetadata":"{}","data":null}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		stream, d, err := cloudevents.Parse(line)
		if err != nil {
			return
		}
		e := store(stream, d, 3, 4, recorded)
		out := cloudevents.Append(nil, &e)
		if _, _, err := cloudevents.Parse(out); err != nil {
			t.Errorf("%s\nwas written as %s\nwhich is refused: %v", line, out, err)
		}
	})
}
