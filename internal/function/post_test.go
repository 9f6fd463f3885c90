package function

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
)

func delivery() firn.Delivery {
	return firn.Delivery{
		Event: firn.Event{
			Stream: "order-42", Revision: 3, Position: 17, Time: time.Date(2026, 3, 1, 14, 32, 7, 0, time.UTC), Count: 1,
			ID: firn.ID{15: 1}, Type: "OrderPlaced", ContentType: firn.JSON, Data: []byte(`{"total": 100.10}`),
		},
		Attempt: 2, Replay: true,
	}
}

// hook is a webhook's receiver. It answers with what answer does, and keeps the
// request.
type hook struct {
	*httptest.Server
	got    *http.Request
	body   string
	answer func(http.ResponseWriter)
}

func newHook(t *testing.T) *hook {
	h := &hook{answer: func(http.ResponseWriter) {}}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		h.got, h.body = r, string(b)
		h.answer(w)
	}))
	t.Cleanup(h.Close)
	return h
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (h *hook) post() *Post {
	return &Post{Group: "g", URL: h.URL, Timeout: 10 * time.Second, Agent: "firn/test", Now: func() time.Time { return noon }, Client: NewClient(1)}
}

// TestPostStructured: all of the event is the body.
func TestPostStructured(t *testing.T) {
	h := newHook(t)
	if err := h.post().Handle(t.Context(), delivery()); err != nil {
		t.Fatal(err)
	}
	const want = `{"specversion":"1.0","id":"00000000-0000-0000-0000-000000000001","source":"firn","type":"OrderPlaced","subject":"order-42","time":"2026-03-01T14:32:07Z","datacontenttype":"application/json","firnrevision":3,"firnposition":17,"firntime":"2026-03-01T14:32:07Z","data":{"total":100.10}}`
	if h.body != want || h.got.Method != http.MethodPost {
		t.Errorf("%s with\n%s\nwant\n%s", h.got.Method, h.body, want)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/cloudevents+json; charset=utf-8", "User-Agent": "firn/test",
		"Idempotency-Key": "00000000-0000-0000-0000-000000000001",
		"Firn-Group":      "g", "Firn-Attempt": "2", "Firn-Replay": "true", "Webhook-Signature": "",
	} {
		if got := h.got.Header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}

// TestPostBinary: the attributes are headers, the data is the body as stored.
func TestPostBinary(t *testing.T) {
	h := newHook(t)
	p := h.post()
	p.Binary = true
	d := delivery()
	d.Event.Stream, d.Event.ContentType, d.Event.Data, d.Event.CorrelationID = `o-ä "%`, "text/plain", []byte("a\x00b"), "c 1"
	if err := p.Handle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, values := range h.got.Header {
		if strings.HasPrefix(name, "Ce-") {
			got[name] = values[0]
		}
	}
	want := map[string]string{
		"Ce-Specversion": "1.0", "Ce-Id": "00000000-0000-0000-0000-000000000001", "Ce-Source": "firn", "Ce-Type": "OrderPlaced",
		"Ce-Subject": "o-%C3%A4%20%22%25", "Ce-Time": "2026-03-01T14:32:07Z", "Ce-Firnrevision": "3", "Ce-Firnposition": "17",
		"Ce-Firntime": "2026-03-01T14:32:07Z", "Ce-Correlationid": "c%201",
	}
	if !reflect.DeepEqual(got, want) || h.body != "a\x00b" || h.got.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("%v with %q, want %v", got, h.body, want)
	}
}

// TestPostAnswers: what a receiver answers decides what becomes of the event.
func TestPostAnswers(t *testing.T) {
	h := newHook(t)
	for _, c := range []struct {
		status int
		retry  string // Retry-After
		body   string
		want   string // of the error, as text; "": acknowledged
		as     string // outcome
	}{
		{200, "", "", "", ""},
		{204, "", "", "", ""},
		{302, "", "", "HTTP 302 Found; redirects are not followed (to /elsewhere)", "retry"},
		{400, "", "\n no total \nmore", "HTTP 400 Bad Request: no total", "park"},
		{413, "", "", "HTTP 413 Request Entity Too Large", "park"},
		{415, "", "", "HTTP 415 Unsupported Media Type", "park"},
		{422, "", "", "HTTP 422 Unprocessable Entity", "park"},
		{401, "", "", "HTTP 401 Unauthorized", "retry"},
		{404, "", "", "HTTP 404 Not Found", "retry"},
		{408, "", "", "HTTP 408 Request Timeout", "retry"},
		{410, "", "", "HTTP 410 Gone", "retry"},
		{429, "120", "", "HTTP 429 Too Many Requests", "retry in 2m0s"},
		{503, "Sun, 01 Mar 2026 12:00:05 GMT", "", "HTTP 503 Service Unavailable", "retry in 5s"},
		{503, "Sun, 01 Mar 2026 11:00:00 GMT", "", "HTTP 503 Service Unavailable", "retry"},
		{503, "soon", "", "HTTP 503 Service Unavailable", "retry"},
		{500, "4000000000", strings.Repeat("x", 1<<20), "HTTP 500 Internal Server Error: xxx", "retry in 24h0m0s"},
	} {
		h.answer = func(w http.ResponseWriter) {
			if c.retry != "" {
				w.Header().Set("Retry-After", c.retry)
			}
			if c.status == 302 {
				w.Header().Set("Location", "/elsewhere")
			}
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		}
		err := h.post().Handle(t.Context(), delivery())
		if c.want == "" {
			if err != nil {
				t.Errorf("%d: %v", c.status, err)
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || asOutcome(err) != c.as {
			t.Errorf("%d: %v, %s; want %s, %s", c.status, err, asOutcome(err), c.want, c.as)
		}
	}
}

// TestPostUnanswered: a receiver that is slow or not there is tried again.
func TestPostUnanswered(t *testing.T) {
	h := newHook(t)
	release := make(chan struct{})
	h.answer = func(http.ResponseWriter) { <-release }
	p := h.post()
	p.Timeout = 20 * time.Millisecond
	if err := p.Handle(t.Context(), delivery()); err == nil || !strings.Contains(err.Error(), "no answer in time (20ms") {
		t.Errorf("a slow receiver: %v", err)
	}
	close(release)
	h.Close()
	p.Timeout = 10 * time.Second
	p.URL = strings.Replace(p.URL, "http://", "http://user:secret@", 1)
	if err := p.Handle(t.Context(), delivery()); err == nil || asOutcome(err) != "retry" || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody there: %v, %s", err, asOutcome(err))
	}
}

// TestSign holds a signature against the example of Standard Webhooks, and the
// headers of a request against its body.
func TestSign(t *testing.T) {
	secrets, err := ParseSecrets("\n whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	sign(header, secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got, want := header.Get("Webhook-Signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("the signature is %s, want %s", got, want)
	}

	h := newHook(t)
	p := h.post()
	if p.Secrets, err = ParseSecrets("the old secret of this hook\nthe new secret of this hook"); err != nil {
		t.Fatal(err)
	}
	if err := p.Handle(t.Context(), delivery()); err != nil {
		t.Fatal(err)
	}
	for i := range p.Secrets {
		want := http.Header{}
		sign(want, p.Secrets[i:i+1], h.got.Header.Get("Webhook-Id"), noon, []byte(h.body))
		if got := strings.Fields(h.got.Header.Get("Webhook-Signature")); len(got) != 2 || got[i] != want.Get("Webhook-Signature") {
			t.Errorf("signature %d is not that of the body: %v", i, got)
		}
	}
	if h.got.Header.Get("Webhook-Timestamp") != "1772366400" || h.got.Header.Get("Webhook-Id") != h.got.Header.Get("Idempotency-Key") {
		t.Errorf("the headers are %v", h.got.Header)
	}
}

func TestBadSecretsAndURLs(t *testing.T) {
	for _, text := range []string{"short", "whsec_!!!", "whsec_c2hvcnQ="} {
		if all, err := ParseSecrets(text); !errors.Is(err, firn.ErrInvalid) || strings.Contains(err.Error(), "short") || strings.Contains(err.Error(), "c2hv") {
			t.Errorf("%q: %v, %v", text, all, err)
		}
	}
	for _, text := range []string{"", "example.com/hook", "ftp://example.com", "http://", "http://a b"} {
		if err := CheckURL(text); !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := CheckURL("https://example.com/hook?x=1"); err != nil {
		t.Error(err)
	}
}

// asOutcome says what client.Handle makes of a handler's error.
func asOutcome(err error) string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g := &oneDelivery{settled: cancel}
	if ended := client.Handle(ctx, g, "g", client.HandleOptions{}, func(context.Context, firn.Delivery) error { return err }); ended != nil {
		return "stop"
	}
	return g.outcome
}

type anyGroups = firn.Groups

// oneDelivery is a group with one event, and its consumer.
type oneDelivery struct {
	anyGroups
	settled func()
	outcome string
}

func (g *oneDelivery) GroupInfo(context.Context, string) (firn.GroupInfo, error) {
	return firn.GroupInfo{Group: firn.Group{Lease: time.Hour}}, nil
}

func (g *oneDelivery) Consume(context.Context, string, uint32) (firn.Consumer, error) { return g, nil }

func (g *oneDelivery) Deliveries(ctx context.Context) iter.Seq2[firn.Delivery, error] {
	return func(yield func(firn.Delivery, error) bool) {
		if yield(delivery(), nil) {
			<-ctx.Done()
		}
	}
}

func (g *oneDelivery) Settle(_ context.Context, answers ...firn.Settlement) error {
	g.outcome = map[firn.Outcome]string{firn.Ack: "ack", firn.RetryLater: "retry", firn.Park: "park"}[answers[0].Outcome]
	if d := answers[0].Delay; d > 0 {
		g.outcome += " in " + d.String()
	}
	g.settled()
	return nil
}

func (g *oneDelivery) Close() error { return nil }
