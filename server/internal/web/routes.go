package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/firndb/firn"
)

// route is one method on one path. A path is a pattern of net/http's, and a
// name of OpenAPI's at the same time.
type route struct {
	method, path string
	always       bool // also answered where too many requests are
	open         bool // to whoever asks
	handle       func(*Door, *answer, *http.Request) error
}

var routes = []route{
	{"POST", "/streams/{name}", false, false, (*Door).append},
	{"GET", "/streams/{name}", false, false, (*Door).readStream},
	{"GET", "/all", false, false, (*Door).readAll},
	{"GET", "/categories/{category}", false, false, (*Door).readCategory},
	{"GET", "/openapi.json", false, true, (*Door).openAPIJSON},
	{"GET", "/openapi.yaml", false, true, (*Door).openAPIYAML},
	{"GET", "/health/live", true, true, (*Door).live},
	{"GET", "/health/ready", true, true, (*Door).ready},
	{"GET", "/metrics", true, false, (*Door).scrape},
}

// Handler answers the routes, and says what there is to whoever asks for
// something else.
func (d *Door) Handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, r := range routes {
		mux.Handle(r.method+" "+r.path, d.answering(r))
		methods[r.path] = append(methods[r.path], r.method)
		if r.method == http.MethodGet {
			methods[r.path] = append(methods[r.path], http.MethodHead)
		}
	}
	for path, allowed := range methods {
		mux.Handle(path, d.answering(route{path: path, always: true, open: true, handle: notAllowed(allowed)}))
	}
	mux.Handle(profilePath, d.answering(route{path: profilePath, always: true, handle: (*Door).profile}))
	mux.Handle("/", d.answering(route{path: "other", always: true, open: true, handle: notHere}))
	return mux
}

// answering wraps a route with what is the same for all: a limit, who calls, the
// metrics, and the answer where there is an error.
func (d *Door) answering(to route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, start: time.Now()}
		defer func() { d.metrics.answered(to.path, r.Method, a) }()
		if running := d.requests.Add(1); !to.always && running > d.o.MaxRequests {
			d.requests.Add(-1)
			a.fail(firn.Errorf(firn.ErrBusy, "this node is answering %d requests, which is its limit; try again in a moment, or ask another node", d.o.MaxRequests))
			return
		}
		defer d.requests.Add(-1)
		if r.Body == http.NoBody {
			a.arrived()
		}
		err := error(nil)
		if !to.open {
			r, err = d.authenticated(r)
		}
		if err == nil {
			err = to.handle(d, a, r)
		}
		// A client that has gone needs no answer, and one that has begun to read
		// gets no other.
		if err != nil && !errors.Is(err, context.Canceled) && a.began.IsZero() {
			a.patient(d.o.StallTimeout)
			a.fail(err)
		}
	})
}

func notAllowed(allowed []string) func(*Door, *answer, *http.Request) error {
	slices.Sort(allowed)
	list := strings.Join(allowed, ", ")
	return func(_ *Door, a *answer, r *http.Request) error {
		a.Header().Set("Allow", list)
		return refused(http.StatusMethodNotAllowed, firn.ErrInvalid, "%.20s is not answered on %.200s; this path takes %s", r.Method, r.URL.Path, list)
	}
}

func notHere(_ *Door, _ *answer, r *http.Request) error {
	hint := ""
	for _, prefix := range []string{"/streams/", "/categories/"} {
		if rest, ok := strings.CutPrefix(r.URL.Path, prefix); ok && strings.Contains(rest, "/") {
			hint = "; a slash within a name is written %2F"
		}
	}
	return refused(http.StatusNotFound, firn.ErrNotFound, "there is nothing at %.200s%s; /openapi.json describes what there is", r.URL.Path, hint)
}

func (d *Door) live(a *answer, _ *http.Request) error {
	a.uncached()
	_, err := fmt.Fprintln(a, "live")
	return err
}

// readyTimeout bounds how long a health check waits for the cluster.
const readyTimeout = 2 * time.Second

func (d *Door) ready(a *answer, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	a.uncached()
	if err := d.backend.Ready(ctx); err != nil {
		http.Error(a, "not ready: "+err.Error(), http.StatusServiceUnavailable)
		return nil
	}
	_, err := fmt.Fprintln(a, "ready")
	return err
}

func (d *Door) scrape(a *answer, r *http.Request) error {
	if err := d.backend.SeeFigures(r.Context()); err != nil {
		return err
	}
	promhttp.HandlerFor(d.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(a, r)
	return nil
}
