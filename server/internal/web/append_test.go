package web_test

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/web"
)

const (
	structured = "Content-Type: application/cloudevents+json\n"
	batched    = "Content-Type: application/cloudevents-batch+json; charset=utf-8\n"
	plainJSON  = "Content-Type: application/json\n"
	binary     = "ce-specversion: 1.0\nce-type: OrderPaid\nce-source: shop\nce-id: "

	someID = "59286830-a0cd-5966-9801-a6ce7ecf77f3"
	placed = `{"specversion":"1.0","id":"` + someID + `","source":"shop","type":"OrderPlaced","data":{"total": 100.10}}`
)

// failing reads nothing but an error.
func failing(err error) func(context.Context, firn.Query) iter.Seq2[firn.Event, error] {
	return func(context.Context, firn.Query) iter.Seq2[firn.Event, error] {
		return func(yield func(firn.Event, error) bool) { yield(firn.Event{}, err) }
	}
}

func TestAppendInEveryMode(t *testing.T) {
	d := newDoor(t, web.Options{})
	a := d.do("POST", "/streams/order-42", structured+"If-None-Match: *", placed).wants(t, 201)
	want := regexp.MustCompile(`^\{"stream":"order-42","first_revision":0,"last_revision":0,"first_position":1,"last_position":1,"time":"[^"]+","ids":\["` + someID + `"\],"repeated":false\}\n$`)
	if !want.MatchString(a.body) || a.header.Get("ETag") != `"0"` || a.header.Get("Location") != "/streams/order-42?from=0&limit=1" {
		t.Errorf("%s\n%v", a.body, a.header)
	}
	again := d.do("POST", "/streams/order-42", structured+"If-None-Match: *", placed).wants(t, 200, `"first_position":1`, `"repeated":true`)
	if again.header.Get("ETag") != `"0"` {
		t.Errorf("ETag %s", again.header.Get("ETag"))
	}
	batch := strings.ReplaceAll("["+placed+",\n"+placed+"]", someID, "A-%d")
	a = d.do("POST", "/streams/order-42", batched+`If-Match: "0"`, fmt.Sprintf(batch, 1, 2)).wants(t, 201, `"first_revision":1,"last_revision":2`)
	if a.header.Get("Location") != "/streams/order-42?from=1&limit=2" {
		t.Errorf("Location %s", a.header.Get("Location"))
	}
	d.do("POST", "/streams/order-42", "Content-Type: text/plain\nIf-Match: *\n"+binary+"x%20%e2%98%83\nce-time: 2026-03-01T00:00:00Z\nce-subject: order-42\nce-sampled: 1", "5 €").
		wants(t, 201, `"first_revision":3`)
	d.do("POST", "/streams/order-42?type=OrderShipped&schema=2&metadata=%7B%22by%22:1%7D&correlation=c&causation=d&id="+strings.ToUpper(someID[:35])+"4", plainJSON, ` { "n" : 1e2 } `).
		wants(t, 201, `"first_revision":4`, someID[:35]+"4")
	d.do("POST", "/streams/order-42?type=OrderClosed&timeout=1m", plainJSON, "").wants(t, 201, `"first_revision":5`)
	read := d.get(a.header.Get("Location")).wants(t, 200)
	if n := strings.Count(read.body, "\n"); n != 2 {
		t.Errorf("where the batch is said to be there are %d events: %s", n, read.body)
	}
	d.get("/streams/order-42").wants(t, 200,
		`"type":"OrderPlaced","schema":0,"time":`, `"data":{"total":100.10},"metadata":{"cloudevents":{"source":"shop"}}}`,
		`"metadata":{"cloudevents":{"source":"shop","id":"A-1"}}}`,
		`"data_base64":"NSDigqw=","metadata":{"cloudevents":{"source":"shop","id":"x ☃","sampled":"1"}},"content_type":"text/plain","occurred":"2026-03-01T00:00:00.000000Z"}`,
		`"schema":2,`, `"data":{"n":1e2},"metadata":{"by":1},"correlation_id":"c","causation_id":"d"}`,
		`"type":"OrderClosed","schema":0,`, `"data":null,"metadata":null}`)
}

// TestNames holds that any name can be written in a path.
func TestNames(t *testing.T) {
	d := newDoor(t, web.Options{})
	for encoded, name := range map[string]string{"a%2Fb-1": "a/b-1", "a%20b-1": "a b-1", "%E2%98%83-1": "☃-1", "a+b": "a+b", "%2E%2E": "..", "a%25": "a%", "a&b=c:d@e": "a&b=c:d@e"} {
		a := d.do("POST", "/streams/"+encoded+"?type=T", plainJSON, "1").wants(t, 201, `{"stream":"`+name+`"`)
		d.get(a.header.Get("Location")).wants(t, 200, `{"stream":"`+name+`"`)
	}
	d.get("/streams/a/b-1").wants(t, 404, "a slash within a name is written %2F")
	d.get("/categories/a%2Fb").wants(t, 200, `"stream":"a/b-1"`)
	d.do("POST", "/streams/%00?type=T", plainJSON, "1").wants(t, 400, "control character")
	d.do("POST", "/streams/%FF?type=T", plainJSON, "1").wants(t, 400, "not UTF-8")
	d.do("POST", "/streams/$own?type=T", plainJSON, "1").wants(t, 400, "belongs to the system")
	d.do("POST", "/streams/"+strings.Repeat("a", 513)+"?type=T", plainJSON, "1").wants(t, 400, "has 513 bytes")
}

func TestUnmetExpectations(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.fill("a-1", 3)
	post := func(path, head string) answer { return d.do("POST", path+"?type=T", plainJSON+head, "1") }
	post("/streams/a-1", `If-Match: "7"`).wants(t, 409, `"kind":"conflict"`, `"stream":"a-1","expected":7,"actual":2}}`)
	post("/streams/a-1", `If-None-Match: *`).wants(t, 409, `"expected":"none","actual":2}}`)
	post("/streams/b-1", `If-Match: *`).wants(t, 409, `"expected":"exists","actual":"none"}}`)
	for head, words := range map[string]string{
		`If-Match: 7`:                         `(If-Match: \"7\")`,
		`If-Match: W/"7"`:                     `want the stream's last revision`,
		`If-Match: "7", "8"`:                  `want the stream's last revision`,
		"If-Match: \"7\"\nIf-Match: \"8\"":    "several expectations",
		"If-Match: \"7\"\nIf-None-Match: *":   "several expectations",
		`If-None-Match: "7"`:                  "it can only be *",
		`If-Match: "18446744073709551616"`:    "want the stream's last revision",
		`If-Match: "-1"`:                      "want the stream's last revision",
		"If-Match: \"7\"\nIf-None-Match: \"7": "several",
	} {
		post("/streams/a-1", head).wants(t, 400, words)
	}
	if _, err := d.backend.Change(t.Context(), "a-1", firn.Any, firn.Tombstone{}); err != nil {
		t.Fatal(err)
	}
	post("/streams/a-1", "").wants(t, 410, `"kind":"tombstoned"`)
	d.do("POST", "/streams/c-1?type=T&id="+someID, plainJSON, "1").wants(t, 201)
	d.do("POST", "/streams/c-1?type=T&id="+someID, plainJSON, "2").wants(t, 409, `"kind":"id-reused"`, someID)
}

func TestBadAppends(t *testing.T) {
	d := newDoor(t, web.Options{BodyBytes: 2000, EventBytes: 100, AppendEvents: 3})
	long := strings.Repeat("x", 90)
	for _, test := range []struct {
		query, head, body string
		status            int
		words             string
	}{
		{"", structured, `{"specversion":"1.0",`, 400, "not JSON: it ends too early, after 21 bytes"},
		{"", structured, `{"specversion":"1.0" "id":1}`, 400, "not JSON at byte 22"},
		{"", structured, `[` + placed + `]`, 400, "not a JSON object"},
		{"", structured, ``, 400, "it ends too early, after 0 bytes"},
		{"", structured, strings.Replace(placed, `"type"`, `"typ"`, 1), 400, "the attribute type is missing"},
		{"", structured, strings.Replace(placed, `"1.0"`, `"0.3"`, 1), 400, `specversion is \"0.3\"`},
		{"", structured, placed[:len(placed)-1] + `,"subject":"order-43"}`, 400, `the subject \"order-43\" is not the stream \"order-42\"`},
		{"", structured, placed[:len(placed)-1] + `,"x":"` + strings.Repeat(long, 30) + `"}`, 413, "more than 2000 bytes"},
		{"", batched, placed, 400, "the batch: not a JSON list"},
		{"", batched, `[]`, 400, "the batch has no events"},
		{"", batched, `[` + placed + `,{}]`, 400, "event 2 of the batch: specversion"},
		{"", batched, `[1,2,3,4]`, 400, "a list of more than 3 elements"},
		{"", batched, `[` + placed + `,` + placed + `]`, 400, `two drafts`},
		{"", "Content-Type: text/plain\nce-id: 1", "x", 400, "specversion"},
		{"", "Content-Type: application/json\n" + binary + "1", "{", 400, "the body: not JSON: it ends too early"},
		{"", "Content-Type: text/plain\n" + binary + "1%f", "x", 400, "percent-encoded"},
		{"", "Content-Type: text/plain\n" + binary + "1%ff", "x", 400, "percent-encoded"},
		{"", "Content-Type: text/plain\n" + binary + "1\nce-data: 1", "x", 400, "the data is the body"},
		{"", "Content-Type: text/plain\n" + binary + "1\nce-time: noon", "x", 400, "ce-time is"},
		{"", "Content-Type: text/plain\n" + binary + "1", long + long, 413, "more than 100 bytes"},
		{"", plainJSON, `1`, 400, "the event has no type; give it in the query"},
		{"?type=T", plainJSON, `{"a":1,}`, 400, "the body: not JSON at byte 8"},
		{"?type=T", plainJSON, "\"\xff\"", 400, "the body: not UTF-8 at byte 1"},
		{"?type=T&type=U", plainJSON, `1`, 400, "the parameter type is given 2 times"},
		{"?type=T&id=7", plainJSON, `1`, 400, "id: "},
		{"?type=T&schema=-1", plainJSON, `1`, 400, "schema=-1 is not a number"},
		{"?type=T&metadata=x", plainJSON, `1`, 400, "metadata: not JSON at byte 1"},
		{"?type=T&typo=x", plainJSON, `1`, 400, `the parameter \"typo\" is not known here; known are causation, correlation, id, metadata, schema, timeout, type`},
		{"?type=T", structured, placed, 400, `the parameter \"type\" is not known here; known are timeout`},
		{"?type=T&timeout=1h", plainJSON, `1`, 400, "at most 5m"},
		{"?type=%zz", plainJSON, `1`, 400, "cannot be read"},
		{"?type=" + strings.Repeat(long, 3), plainJSON, `1`, 413, "the type has 270 bytes"},
		{"?type=T", "Content-Type: application/x-www-form-urlencoded", `1`, 415, "application/cloudevents+json"},
		{"?type=T", "Content-Type: text/plain", `1`, 415, "application/json with ?type=T"},
		{"?type=T", "", `1`, 415, "(none)"},
		{"?type=T", "", "", 415, "(none)"},
		{"", "Content-Type: application/cloudevents+avro", `1`, 415, "cloudevents+avro"},
		{"?type=T", plainJSON + "Content-Encoding: gzip", `1`, 415, "gzip"},
	} {
		a := d.do("POST", "/streams/order-42"+test.query, test.head, test.body).wants(t, test.status, `{"error":{"kind":"`, test.words)
		if test.status == 415 && !strings.Contains(test.head, "Encoding") && a.header.Get("Accept-Post") == "" {
			t.Errorf("%s: the answer does not list what is taken", test.head)
		}
	}
	d.get("/streams/order-42").wants(t, 404)
}

func TestAppendOnAFollower(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.backend.leader = "10.0.0.2:7420"
	a := d.do("POST", "/streams/a%2Fb?type=T", plainJSON, "1").wants(t, 307, `"kind":"not-leader"`, "-L")
	if to := a.header.Get("Location"); to != "http://10.0.0.2:7420/streams/a%2Fb?type=T" {
		t.Errorf("sent to %s", to)
	}
	// Leadership is lost between the question and the append; the leader has no
	// HTTP address.
	d.backend.leader = ""
	d.backend.onAppend = func(context.Context) (firn.Appended, error) {
		err := firn.Errorf(firn.ErrNotLeader, "node n1 does not lead")
		err.Leader = "10.0.0.2:7400"
		return firn.Appended{}, err
	}
	a = d.do("POST", "/streams/a?type=T", plainJSON, "1").wants(t, 503, `"leader":"10.0.0.2:7400"`)
	if a.header.Get("Retry-After") != "1" || a.header.Get("Location") != "" {
		t.Errorf("%v", a.header)
	}
	d.backend.onAppend = func(context.Context) (firn.Appended, error) {
		d.backend.leader = "10.0.0.2:7420"
		return firn.Appended{}, firn.Errorf(firn.ErrNotLeader, "node n1 does not lead")
	}
	d.do("POST", "/streams/a?type=T", plainJSON, "1").wants(t, 307, "node n1 does not lead")
}

func TestAppendThatIsNotAnsweredInTime(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.backend.onAppend = func(ctx context.Context) (firn.Appended, error) {
		if until, ok := ctx.Deadline(); !ok || time.Until(until) > time.Minute {
			t.Errorf("the append's context ends at %v", until)
		}
		<-ctx.Done()
		return firn.Appended{}, ctx.Err()
	}
	d.do("POST", "/streams/a?type=T&timeout=10ms", plainJSON, "1").wants(t, 503, `"kind":"timeout"`, "no answer within 10ms; nothing was done")
	d.backend.onAppend = func(ctx context.Context) (firn.Appended, error) {
		err := firn.Errorf(firn.ErrUnknown, "the append may have been done")
		err.IDs = []firn.ID{firn.NewID()}
		return firn.Appended{}, err
	}
	d.do("POST", "/streams/a?type=T", plainJSON, "1").wants(t, 504, `"retry":"same-ids"`, `"ids":["`)
}
