package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/firndb/firn"
)

func (d *Door) readStream(a *answer, r *http.Request) error {
	return d.read(a, r, firn.Query{Stream: r.PathValue("name")})
}

func (d *Door) readAll(a *answer, r *http.Request) error {
	return d.read(a, r, firn.Query{All: true})
}

func (d *Door) readCategory(a *answer, r *http.Request) error {
	return d.read(a, r, firn.Query{Category: r.PathValue("category")})
}

// read answers the GET of a target, in the form that the client likes best.
func (d *Door) read(a *answer, r *http.Request, q firn.Query) error {
	a.Header().Set("Vary", "Accept")
	form, err := formOf(r.Header.Values("Accept"))
	if err != nil {
		return err
	}
	p := paramsOf(r, "from", "history", "limit", "backwards", "at", "types", "type-prefix", "stream-prefix", "raw", "system", "local", "wait-for", "timeout")
	q.From, q.Bound = p.point("from", q.Stream != ""), p.point("at", q.Stream != "")
	q.Limit, q.Backwards = p.number("limit"), p.flag("backwards")
	q.History = p.id("history")
	q.Types, q.TypePrefixes, q.StreamPrefixes = p.list("types"), p.values["type-prefix"], p.values["stream-prefix"]
	q.Raw, q.System = p.flag("raw"), p.flag("system")
	q.Consistency.AtLeast = firn.Position(p.number("wait-for"))
	q.Consistency.Local = p.flag("local") || q.Consistency.AtLeast > 0
	timeout := p.timeout()
	if p.err != nil {
		return p.err
	}
	if form == sse {
		return d.follow(a, r, q, timeout)
	}
	if err := q.Check(); err != nil {
		return err
	}
	ctx, began, end := limited(r.Context(), d.reading, timeout)
	defer end()
	a.patient(timeout + d.o.StallTimeout)
	done, err := d.describe(ctx, a, r, &q)
	if done || err != nil {
		return inTime(cause(ctx, err), timeout)
	}
	l := &lines{a: a, form: form, stall: d.o.StallTimeout, head: r.Method == http.MethodHead}
	if l.head {
		q.Limit = 1 // enough to learn of an error
	}
	for e, err := range d.backend.Read(ctx, q) {
		began()
		if err == nil {
			err = l.event(&e)
		}
		if err != nil {
			return l.broken(inTime(cause(ctx, err), timeout))
		}
	}
	return l.end()
}

// limited returns a context that ends with the request, when another one does
// (with its cause), or when nothing has begun in time.
func limited(ctx, other context.Context, timeout time.Duration) (limited context.Context, began, end func()) {
	limited, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(timeout, func() { cancel(context.DeadlineExceeded) })
	stop := context.AfterFunc(other, func() { cancel(context.Cause(other)) })
	return limited, func() { late.Stop() }, func() {
		late.Stop()
		stop()
		cancel(nil)
	}
}

// cause says why the context ended, where that is why there is an error.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// describe sets the headers that say what the answer is as of. Where that is
// what the client has already, it is done.
//
// The revision is asked for before the events, so an event that is appended in
// between can stand in the answer without being in the tag: who then appends
// with the tag as expectation is told of the conflict.
func (d *Door) describe(ctx context.Context, a *answer, r *http.Request, q *firn.Query) (done bool, err error) {
	h := a.Header()
	at, open := firn.Position(0), false
	switch {
	case q.Stream != "":
		info, err := d.backend.Stream(ctx, q.Stream, q.Bound, q.Consistency)
		if err != nil {
			return false, err
		}
		at, open = info.Position, info.Open
		if info.State == firn.Live {
			tag := etag(info.Revision)
			h.Set("ETag", tag)
			h.Set("Cache-Control", "no-cache") // may be kept, and asked for again
			if matches(r.Header.Values("If-None-Match"), tag) {
				a.WriteHeader(http.StatusNotModified)
				return true, nil
			}
		}
	case !q.Bound.IsZero():
		if at, open, err = d.backend.Resolve(ctx, q.Bound, q.Consistency); err != nil {
			return false, err
		}
	default:
		a.uncached()
		return false, nil
	}
	// This node now has what the read must see.
	q.Consistency = firn.Consistency{Local: true}
	if !q.Bound.IsZero() {
		h.Set("Firn-Position", strconv.FormatUint(uint64(at), 10))
		h.Set("Firn-Open", strconv.FormatBool(open))
	}
	if h.Get("Cache-Control") == "" {
		a.uncached()
	}
	return false, nil
}

// matches reports whether a list of tags holds one, as If-None-Match compares.
func matches(lists []string, tag string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}
