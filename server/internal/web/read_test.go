package web_test

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/web"
)

// positions are the events of an answer.
func positions(body string) string {
	var all []string
	for line := range strings.Lines(body) {
		if _, rest, ok := strings.Cut(line, `"position":`); ok {
			n, _, _ := strings.Cut(rest, ",")
			all = append(all, n)
		}
	}
	return strings.Join(all, " ")
}

func TestReadParameters(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.fill("a-1", 4)
	d.fill("b-1", 2)
	if _, err := d.backend.Change(t.Context(), "b-1", firn.Any, firn.Limits{MaxCount: 5}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/streams/a-1":                           "1 2 3 4",
		"/streams/a-1?from=2":                    "3 4",
		"/streams/a-1?from=@2&limit=2":           "2 3",
		"/streams/a-1?at=1":                      "1 2",
		"/streams/a-1?at=@3&backwards":           "3 2 1",
		"/streams/a-1?backwards=false":           "1 2 3 4",
		"/streams/a-1?types=A":                   "1 3",
		"/streams/a-1?types=A,B&limit=1":         "1",
		"/streams/a-1?types=A&types=B&limit=0":   "1 2 3 4",
		"/streams/a-1?type-prefix=B&raw":         "2 4",
		"/all?type-prefix=B&type-prefix=C,":      "2 4 6",
		"/all?stream-prefix=b&stream-prefix=c":   "5 6",
		"/streams/a-1?local=true":                "1 2 3 4",
		"/streams/a-1?wait-for=4&timeout=1m":     "1 2 3 4",
		"/all":                                   "1 2 3 4 5 6",
		"/all?from=4&backwards=1":                "4 3 2 1",
		"/all?system":                            "1 2 3 4 5 6 7",
		"/all?at=start":                          "",
		"/categories/b":                          "5 6",
		"/categories/b?from=6":                   "6",
		"/categories/nothing":                    "",
		"/streams/a-1?from=end":                  "",
		"/streams/a-1?from=2&backwards&limit=1":  "3",
		"/streams/%24%24b-1?timeout=30s&raw=1":   "7",
		"/all?type-prefix=A&types=B&from=1&at=3": "1 2 3",
	} {
		a := d.get(path).wants(t, 200)
		if got := positions(a.body); got != want {
			t.Errorf("%s: positions %s, want %s", path, got, want)
		}
		if a.header.Get("Content-Type") != "application/x-ndjson" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	for path, words := range map[string]string{
		"/streams/a-1?from=soon":       `from \"soon\" is no point in time`,
		"/streams/a-1?at=2100-01-01":   "in the future",
		"/all?at=@0":                   "positions begin at 1",
		"/streams/a-1?limit=-1":        "limit=-1 is not a number",
		"/streams/a-1?limit=1&limit=2": "given 2 times",
		"/streams/a-1?backwards=yes":   "neither true nor false",
		"/streams/a-1?types=A,":        "an empty value",
		"/streams/a-1?type=A":          `the parameter \"type\" is not known here; known are at, backwards`,
		"/categories/a-b":              "contains '-'",
		"/all?wait-for=x":              "wait-for=x",
		"/all?history=7":               "history: ",
		"/streams/a-1?stream-prefix=a": "prefixes of streams' names",
		"/all?type-prefix=":            "an empty prefix",
		"/all?from=1;limit=1":          "cannot be read",
	} {
		d.get(path).wants(t, 400, words)
	}
	d.get("/streams/a-1?at=2000-01-01").wants(t, 404, `"kind":"before-store"`)
	d.get("/streams/c-1").wants(t, 404, `"kind":"not-found"`)
}

func TestTags(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.fill("a-1", 3)
	a := d.get("/streams/a-1").wants(t, 200)
	if a.header.Get("ETag") != `"2"` || a.header.Get("Cache-Control") != "no-cache" || a.header.Get("Firn-Position") != "" {
		t.Errorf("%v", a.header)
	}
	for head, status := range map[string]int{
		`If-None-Match: "2"`: 304, `If-None-Match: W/"2"`: 304, `If-None-Match: "7", "2"`: 304, `If-None-Match: *`: 304,
		`If-None-Match: "1"`: 200, `If-None-Match: 2`: 200,
	} {
		if a := d.do("GET", "/streams/a-1", head, ""); a.status != status || status == 304 && a.body != "" {
			t.Errorf("%s: %d %s", head, a.status, a.body)
		}
	}
	a = d.get("/streams/a-1?at=1").wants(t, 200)
	if a.header.Get("ETag") != `"1"` || a.header.Get("Firn-Position") != "2" || a.header.Get("Firn-Open") != "false" {
		t.Errorf("%v", a.header)
	}
	a = d.get("/all?at=2").wants(t, 200)
	if a.header.Get("Firn-Position") != "2" || a.header.Get("ETag") != "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", a.header)
	}
	a = d.do("HEAD", "/streams/a-1", "", "").wants(t, 200)
	if a.header.Get("ETag") != `"2"` || a.body != "" || a.header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%v %s", a.header, a.body)
	}
	d.do("HEAD", "/streams/b-1", "", "").wants(t, 404)
	if _, err := d.backend.Change(t.Context(), "a-1", firn.Any, firn.Delete{}); err != nil {
		t.Fatal(err)
	}
	if a := d.do("GET", "/streams/a-1", `If-None-Match: "2"`, "").wants(t, 404, `"kind":"deleted"`); a.header.Get("ETag") != "" {
		t.Errorf("%v", a.header)
	}
	d.do("HEAD", "/streams/a-1", "", "").wants(t, 404)
}

func TestForms(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.fill("a-1", 2)
	const lines, list = "application/x-ndjson", "application/json"
	for accept, want := range map[string]string{
		"*/*": lines, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": lines,
		"application/*": lines, "application/json": list, "application/json, */*;q=0.5": list,
		"application/json, text/plain, */*": list, "text/event-stream;q=0.1, */*": lines, "application/json;q=0.5, application/x-ndjson;q=0.4": list,
		"application/json, application/x-ndjson": lines, "application/x-ndjson;q=0, */*": list,
	} {
		a := d.do("GET", "/streams/a-1", "Accept: "+accept, "").wants(t, 200)
		if a.header.Get("Content-Type") != want || a.header.Get("Vary") != "Accept" {
			t.Errorf("%s: %v", accept, a.header)
		}
		if isList := strings.HasPrefix(a.body, "[{") && strings.HasSuffix(a.body, "}]\n"); isList != (want == list) {
			t.Errorf("%s: %s", accept, a.body)
		}
	}
	if a := d.do("GET", "/all?from=end", "Accept: application/json", ""); a.body != "[]\n" {
		t.Errorf("an empty list is %q", a.body)
	}
	d.do("GET", "/all", "Accept: image/png", "").wants(t, 406, "accept application/x-ndjson or application/json or text/event-stream")
	d.do("GET", "/all", "Accept: application/x-ndjson;q=0", "").wants(t, 406)
}

func TestOtherPathsAndMethods(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.get("/").wants(t, 404, "there is nothing at /", "/openapi.json")
	d.get("/streams/").wants(t, 404)
	for path, allowed := range map[string]string{"/streams/a": "GET, HEAD, POST", "/all": "GET, HEAD", "/metrics": "GET, HEAD"} {
		for _, method := range []string{"PUT", "DELETE", "OPTIONS", "PATCH"} {
			a := d.do(method, path, "Origin: http://elsewhere", "").wants(t, 405, method+" is not answered on "+path, allowed)
			if a.header.Get("Allow") != allowed || a.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%v", a.header)
			}
		}
	}
}

// endless yields one event again and again, and a mistake at the end.
func endless(n int, end error) func(context.Context, firn.Query) iter.Seq2[firn.Event, error] {
	return func(ctx context.Context, _ firn.Query) iter.Seq2[firn.Event, error] {
		return func(yield func(firn.Event, error) bool) {
			e := firn.Event{Stream: "a-1", Position: 1, Type: "T", ContentType: firn.JSON, Data: []byte(`"` + strings.Repeat("x", 1000) + `"`), Count: 1}
			for left := n; left != 0 && ctx.Err() == nil; left-- {
				if !yield(e, nil) {
					return
				}
			}
			if ctx.Err() != nil {
				end = ctx.Err()
			}
			if end != nil {
				yield(firn.Event{}, end)
			}
		}
	}
}

// TestAnErrorInTheMiddle has a status as long as nothing has left, and cuts the
// answer off afterwards.
func TestAnErrorInTheMiddle(t *testing.T) {
	damaged := firn.Errorf(firn.ErrDamaged, "layer 7 is damaged")
	d := newDoor(t, web.Options{})
	d.backend.onRead = endless(3, damaged)
	d.get("/all").wants(t, 500, `{"error":{"kind":"damaged"`)
	d.backend.onRead = endless(1000, damaged)
	for accept, last := range map[string]string{"*/*": `{"error":{"kind":"damaged","message":"layer 7 is damaged","retry":"no"}}` + "\n", "application/json": `"metadata":null}`} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/all", nil)
		r.Header.Set("Accept", accept)
		aborted := func() (aborted any) {
			defer func() { aborted = recover() }()
			d.handler.ServeHTTP(w, r)
			return nil
		}()
		if aborted != http.ErrAbortHandler || !strings.HasSuffix(w.Body.String(), last) {
			t.Errorf("%s: the answer ends with %.200q (aborted: %v)", accept, w.Body.String()[w.Body.Len()-200:], aborted)
		}
	}
}

func TestReadThatIsNotAnsweredInTime(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.backend.onRead = func(ctx context.Context, _ firn.Query) iter.Seq2[firn.Event, error] {
		return func(yield func(firn.Event, error) bool) {
			<-ctx.Done()
			yield(firn.Event{}, ctx.Err())
		}
	}
	d.get("/all?timeout=10ms").wants(t, 503, `"kind":"timeout"`, "no answer within 10ms")
}
