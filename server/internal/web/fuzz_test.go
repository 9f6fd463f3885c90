package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/web"
)

// FuzzRequest asks the door for whatever comes. Nothing is the door's own fault,
// and nothing is left without an answer.
func FuzzRequest(f *testing.F) {
	const event = `{"specversion":"1.0","id":"1","source":"s","type":"T","data":{"n":1}}`
	for _, r := range [][5]string{
		{"GET", "/streams/order-1", "from=0&limit=10", "Accept: application/json", ""},
		{"GET", "/all", "types=A&types=B&at=@3&backwards", "Accept: application/x-ndjson", ""},
		{"GET", "/categories/order", "at=2026-01-01&local&wait-for=1&timeout=1ms", "If-None-Match: \"3\"", ""},
		{"POST", "/streams/order-1", "type=T&id=01890a5d-ac96-774b-bcce-b302099a8057", "Content-Type: application/json\nIf-Match: \"0\"", `{"n":1}`},
		{"POST", "/streams/order-1", "", "Content-Type: application/cloudevents+json\nIf-None-Match: *", event},
		{"POST", "/streams/order-1", "", "Content-Type: application/cloudevents-batch+json", "[" + event + "]"},
		{"HEAD", "/health/ready", "", "", ""},
	} {
		f.Add(r[0], r[1], r[2], r[3], []byte(r[4]))
	}
	b := &backend{Store: firn.Memory()}
	d := web.New(b, web.NewMetrics(func() (web.Figures, bool) { return web.Figures{}, false }), web.Options{StallTimeout: time.Second})
	handler := d.Handler()
	f.Fuzz(func(t *testing.T, method, path, query, head string, body []byte) {
		r, err := http.NewRequest(method, (&url.URL{Scheme: "http", Host: "f", Path: path}).String(), strings.NewReader(string(body)))
		if err != nil || strings.Contains(head, "event-stream") {
			return // no request; or one that goes on until its client goes
		}
		r.URL.RawQuery = query
		for line := range strings.Lines(head) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			r.Header.Add(name, value)
		}
		b.Store = firn.Memory()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond) // some wait for what never comes
		defer cancel()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r.WithContext(ctx))
		if w.Code == http.StatusInternalServerError || w.Code == 0 {
			t.Errorf("%s %s?%s\n%s\n\n%q\nis answered with %d: %s", method, path, query, head, body, w.Code, w.Body)
		}
	})
}
