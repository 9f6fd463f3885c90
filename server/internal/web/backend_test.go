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

// backend is a node over the store in memory. Its function fields stand in for
// the method of the same name where a test sets them.
type backend struct {
	firn.Store
	onAuthenticate func(context.Context) error
	onReady        func() error
	onAppend       func(context.Context) (firn.Appended, error)
	onRead         func(context.Context, firn.Query) iter.Seq2[firn.Event, error]
	onNext         func(context.Context) (web.Step, error)
	leader         string
}

func (b *backend) Authenticate(ctx context.Context) error {
	if b.onAuthenticate != nil {
		return b.onAuthenticate(ctx)
	}
	return nil
}

func (b *backend) Administer(context.Context, string) (string, error) { return "", nil }

func (b *backend) SeeFigures(context.Context) error { return nil }

func (b *backend) Ready(context.Context) error {
	if b.onReady != nil {
		return b.onReady()
	}
	return nil
}

func (b *backend) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	if b.onAppend != nil {
		return b.onAppend(ctx)
	}
	return b.Store.Append(ctx, writes...)
}

func (b *backend) Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error] {
	if b.onRead != nil {
		return b.onRead(ctx, q)
	}
	return b.Store.Read(ctx, q)
}

func (b *backend) Subscribe(ctx context.Context, q firn.Query) (web.Subscription, error) {
	if b.onNext != nil {
		return scripted(b.onNext), nil
	}
	if err := q.CheckSubscribe(); err != nil {
		return nil, err
	}
	steps := make(chan web.Step)
	ended := make(chan error, 1)
	go func() {
		for m, err := range b.Store.Subscribe(ctx, q) {
			if err != nil {
				ended <- err
				return
			}
			step := web.Step{Mark: m.Mark}
			if m.Mark == nil {
				step.Events = []firn.Event{m.Event}
			}
			select {
			case steps <- step:
			case <-ctx.Done():
				return
			}
		}
	}()
	return scripted(func(context.Context) (web.Step, error) {
		select {
		case step := <-steps:
			return step, nil
		case err := <-ended:
			return web.Step{}, err
		case <-ctx.Done():
			return web.Step{}, ctx.Err()
		}
	}), nil
}

// scripted is a subscription that is a function.
type scripted func(context.Context) (web.Step, error)

func (s scripted) Next(ctx context.Context) (web.Step, error) { return s(ctx) }
func (s scripted) Rest()                                      {}
func (s scripted) Close()                                     {}

func (b *backend) Stream(ctx context.Context, name string, at firn.Point, _ firn.Consistency) (firn.StreamInfo, error) {
	return b.Store.Stream(ctx, name, at)
}

func (b *backend) Resolve(ctx context.Context, p firn.Point, c firn.Consistency) (firn.Position, bool, error) {
	for e, err := range b.Store.Read(ctx, firn.Query{All: true, System: true, Bound: p, Backwards: true, Limit: 1, Consistency: c}) {
		return e.Position, false, err
	}
	return 0, false, nil
}

func (b *backend) LeaderHTTP() string { return b.leader }

// door is a door in front of a store in memory.
type door struct {
	t       *testing.T
	backend *backend
	metrics *web.Metrics
	handler http.Handler
}

func newDoor(t *testing.T, o web.Options) *door {
	d := &door{t: t, backend: &backend{Store: firn.Memory()}}
	d.metrics = web.NewMetrics(func() (web.Figures, bool) {
		return web.Figures{Role: "voter", Caches: []web.Cache{{Name: "blocks"}}, Groups: []web.Group{{Name: "mail"}}, Certificates: []web.Certificate{{Name: "node", Days: 3}}}, true
	})
	d.handler = web.New(d.backend, d.metrics, o).Handler()
	return d
}

// answer is what a request was answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request. head holds lines of its header.
func (d *door) do(method, path, head, body string) answer {
	d.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return answer{w.Code, w.Result().Header, w.Body.String()}
}

func (d *door) get(path string) answer {
	d.t.Helper()
	return d.do("GET", path, "", "")
}

// wants fails the test unless the answer has a status and holds the words.
func (a answer) wants(t *testing.T, status int, words ...string) answer {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d: %s", a.status, status, a.body)
	}
	for _, w := range words {
		if !strings.Contains(a.body, w) {
			t.Errorf("%q is not in the answer: %d %s", w, a.status, a.body)
		}
	}
	return a
}

// fill appends n events of the types A, B, A, B … to a stream.
func (d *door) fill(stream string, n int) {
	d.t.Helper()
	for i := range n {
		draft := firn.Draft{Type: string("AB"[i%2]), Data: []byte(`{"n":1.50}`)}
		if _, err := d.backend.Store.Append(d.t.Context(), firn.To(stream, firn.Any, draft)); err != nil {
			d.t.Fatal(err)
		}
	}
}
