package web_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/web"
)

// message is one server-sent event.
type message struct{ name, id, data string }

// followed is an answer of server-sent events under way.
type followed struct {
	t      *testing.T
	answer *http.Response
	lines  *bufio.Scanner
	beats  int
}

func follow(t *testing.T, url, lastID string) *followed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream") // as EventSource asks
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return &followed{t: t, answer: answer, lines: bufio.NewScanner(answer.Body)}
}

// next returns the next message, "" for everything at the end.
func (f *followed) next() (m message) {
	f.t.Helper()
	for f.lines.Scan() {
		field, value, _ := strings.Cut(f.lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case f.lines.Text() == "" && m != message{}:
			return m
		case f.lines.Text() == ":":
			f.beats++
		case field == "event":
			m.name = value
		case field == "id":
			m.id = value
		case field == "data":
			m.data = value
		case field == "retry" && value == "1000", f.lines.Text() == "":
		default:
			f.t.Errorf("an unexpected line: %s", f.lines.Text())
		}
	}
	if err := f.lines.Err(); err != nil {
		f.t.Fatal(err)
	}
	return m
}

// wants fails the test unless the next message is the one given.
func (f *followed) wants(name, id string, words ...string) {
	f.t.Helper()
	m := f.next()
	if m.name != name || m.id != id {
		f.t.Errorf("the next message is %+v, want %s with the id %s", m, name, id)
	}
	for _, w := range words {
		if !strings.Contains(m.data, w) {
			f.t.Errorf("%q is not in %s", w, m.data)
		}
	}
}

func TestFollow(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.fill("a-1", 3)
	address, _ := serve(t, d.backend, web.Options{})
	f := follow(t, "http://"+address+"/streams/a-1?types=A", "")
	if h := f.answer.Header; h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", h)
	}
	f.wants("", "1", `{"stream":"a-1","revision":0,"position":1,`, `"data":{"n":1.50},"metadata":null}`)
	f.wants("", "3")
	f.wants("caught-up", "3", `{"mark":"caught-up","at":3`)
	d.fill("b-1", 1) // nothing that is asked for: a checkpoint
	f.wants("checkpoint", "4", `{"mark":"checkpoint","at":4`)
	if _, err := d.backend.Change(t.Context(), "a-1", firn.Any, firn.Truncate{Before: 1}); err != nil {
		t.Fatal(err)
	}
	f.wants("life", "5", `"stream":"a-1","change":"truncate"`)
	d.fill("a-1", 1)
	f.wants("", "6")

	again := follow(t, "http://"+address+"/streams/a-1?types=A&from=0", "3")
	again.wants("life", "5")
	again.wants("", "6")
	again.wants("caught-up", "6")
	all := follow(t, "http://"+address+"/all?from=4", "")
	all.wants("", "4")
	end := follow(t, "http://"+address+"/categories/b?from=end", "")
	end.wants("caught-up", "6")

	if _, err := d.backend.Change(t.Context(), "a-1", firn.Any, firn.Tombstone{}); err != nil {
		t.Fatal(err)
	}
	f.wants("life", "7", `"change":"tombstone"`)
	f.wants("failure", "", `{"error":{"kind":"tombstoned"`)
	if m := f.next(); m != (message{}) {
		t.Errorf("behind the failure there is %+v", m)
	}
}

func TestFollowRefused(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.fill("a-1", 1)
	const sse = "Accept: text/event-stream\n"
	for path, words := range map[string]string{
		"/all?limit=1": "a subscription has no limit", "/all?at=1": "no bound", "/all?backwards": "goes forwards", "/all?from=x": "no point in time",
	} {
		d.do("GET", path, sse, "").wants(t, 400, words)
	}
	for _, id := range []string{"x", "-1", "1.5", "9223372036854775808"} {
		d.do("GET", "/all", sse+"Last-Event-ID: "+id, "").wants(t, 400, "Last-Event-ID: "+id)
	}
	if a := d.do("HEAD", "/all", sse, "").wants(t, 200); a.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v", a.header)
	}
	d.backend.onNext = func(context.Context) (web.Step, error) {
		return web.Step{}, firn.Errorf(firn.ErrTombstoned, "it is gone")
	}
	a := d.do("GET", "/streams/a-1", sse+"Last-Event-ID: 0", "").wants(t, 410, `"kind":"tombstoned"`)
	if a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", a.header)
	}
	d.backend.onNext = func(ctx context.Context) (web.Step, error) {
		<-ctx.Done()
		return web.Step{}, ctx.Err()
	}
	d.do("GET", "/streams/a-1?timeout=10ms", sse, "").wants(t, 503, `"kind":"timeout"`)
	// Who comes back is to come again.
	a = d.do("GET", "/streams/a-1?timeout=10ms", sse+"Last-Event-ID: 1", "").wants(t, 200, "retry: 1000\n\nevent: failure\ndata: {\"error\":{\"kind\":\"timeout\"")
	if a.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%v", a.header)
	}
	d.backend.onNext = nil
	d.do("GET", "/streams/a-1?timeout=10ms&local", sse+"Last-Event-ID: 2", "").wants(t, 200, `"kind":"timeout"`) // this node has 1
}

// TestHeartbeat waits for comments while nothing happens, and for an error that
// comes afterwards.
func TestHeartbeat(t *testing.T) {
	b := &backend{Store: firn.Memory()}
	told, fail := false, make(chan struct{})
	b.onNext = func(ctx context.Context) (web.Step, error) {
		if !told {
			told = true
			return web.Step{Mark: &firn.Mark{Kind: firn.CaughtUp, At: 7}}, nil
		}
		<-fail
		return web.Step{}, firn.Errorf(firn.ErrDamaged, "layer 7 is damaged")
	}
	address, _ := serve(t, b, web.Options{Heartbeat: time.Millisecond})
	f := follow(t, "http://"+address+"/all", "")
	f.wants("caught-up", "7")
	for f.beats < 3 && f.lines.Scan() {
		if f.lines.Text() == ":" {
			f.beats++
		}
	}
	close(fail)
	f.wants("failure", "", `"kind":"damaged"`)
}

// TestASubscriberThatDoesNotRead is cut off.
func TestASubscriberThatDoesNotRead(t *testing.T) {
	b := &backend{Store: firn.Memory()}
	event := firn.Event{Stream: "a-1", Position: 1, Type: "T", ContentType: firn.JSON, Data: []byte(`"` + strings.Repeat("x", 10_000) + `"`), Count: 1}
	began := make(chan struct{})
	var once sync.Once
	b.onNext = func(ctx context.Context) (web.Step, error) {
		once.Do(func() { close(began) })
		return web.Step{Events: []firn.Event{event}, More: true}, ctx.Err()
	}
	address, d := serve(t, b, web.Options{StallTimeout: 50 * time.Millisecond})
	raw(t, address, "GET /all HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
	await(t, "the subscription", began)
	for end := time.Now().Add(soon); ; time.Sleep(5 * time.Millisecond) {
		w := httptest.NewRecorder()
		d.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if strings.Contains(w.Body.String(), "firn_http_subscriptions 0") {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the subscription did not end")
		}
	}
}

// TestCloseEndsSubscriptions at once, with the reason and a whole answer.
func TestCloseEndsSubscriptions(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.fill("a-1", 1)
	address, open := serve(t, d.backend, web.Options{})
	f := follow(t, "http://"+address+"/all", "")
	f.wants("", "1")
	f.wants("caught-up", "1")
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- open.Close(ctx) }()
	f.wants("failure", "", `"kind":"unavailable"`, "this node is stopping", `"retry":"safe"`)
	if m := f.next(); m != (message{}) {
		t.Errorf("behind the failure there is %+v", m)
	}
	if err := <-closed; err != nil && !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("closing: %v", err)
	}
}
