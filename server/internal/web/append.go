package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
)

// append answers POST /streams/{name}: the events of the body, in one atomic
// step.
func (d *Door) append(a *answer, r *http.Request) error {
	stream := r.PathValue("name")
	// Asked first, so that nobody sends a body twice.
	if err := d.elsewhere(a, r, nil); err != nil {
		return err
	}
	if err := firn.CheckWritable(stream); err != nil {
		return err
	}
	expect, err := expectation(r.Header)
	if err != nil {
		return err
	}
	drafts, timeout, free, err := d.drafts(a, r, stream)
	defer free()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	a.patient(timeout + d.o.StallTimeout)
	done, err := d.backend.Append(ctx, firn.To(stream, expect, drafts...))
	if err != nil {
		if moved := d.elsewhere(a, r, err); moved != nil {
			return moved
		}
		return inTime(err, timeout)
	}
	return a.appended(stream, &done)
}

func (a *answer) appended(stream string, done *firn.Appended) error {
	w := &done.Writes[0]
	h := a.Header()
	h.Set("ETag", etag(w.LastRevision))
	h.Set("Location", fmt.Sprintf("/streams/%s?from=%d&limit=%d", escaped(stream), w.FirstRevision, len(w.IDs)))
	h.Set("Content-Type", "application/json")
	a.uncached()
	status := http.StatusCreated
	if done.Repeated {
		status = http.StatusOK
	}
	a.WriteHeader(status)
	_, err := a.Write(append(eventjson.Appended(done), '\n'))
	return err
}

// escaped is a name as a part of a path. "." and ".." would lead elsewhere.
func escaped(name string) string {
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

// elsewhere sends the client to the leader, where that is another node whose
// HTTP address is known. err is why the append was refused here, nil before it
// was tried.
func (d *Door) elsewhere(a *answer, r *http.Request, err error) error {
	if err != nil && !errors.Is(err, firn.ErrNotLeader) {
		return nil
	}
	address := d.backend.LeaderHTTP()
	if address == "" {
		return nil
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	location := scheme + "://" + address + r.URL.RequestURI()
	a.Header().Set("Location", location)
	if err == nil {
		err = firn.Errorf(firn.ErrNotLeader, "this node does not lead, and nothing was done; send the request to %s (curl does with -L)", location)
	}
	return &refusal{asError(err), http.StatusTemporaryRedirect}
}

// asError returns err as an *Error.
func asError(err error) *firn.Error {
	var e *firn.Error
	if errors.As(err, &e) {
		return e
	}
	return firn.Errorf(firn.ErrInternal, "%v", err)
}

// inTime makes of the end of a call's time an error that says what has happened.
// An append whose time is over before it left has done nothing.
func inTime(err error, timeout time.Duration) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return firn.Errorf(firn.ErrTimeout, "no answer within %v; nothing was done. Try again, with more time (timeout=%v)", timeout, min(2*timeout, timeoutMax))
	}
	return err
}

// expectation reads what must be true of the stream from the headers that HTTP
// has for it. The tag of a stream is its last revision.
func expectation(h http.Header) (firn.Expectation, error) {
	match, noneMatch := h.Values("If-Match"), h.Values("If-None-Match")
	switch {
	case len(match)+len(noneMatch) == 0:
		return firn.Any, nil
	case len(match)+len(noneMatch) > 1:
		return firn.Any, firn.Errorf(firn.ErrInvalid, "several expectations are given (If-Match, If-None-Match); give one")
	case len(noneMatch) == 1:
		if noneMatch[0] != "*" {
			return firn.Any, firn.Errorf(firn.ErrInvalid, "If-None-Match: %.40s; for an append it can only be *: the stream does not exist", noneMatch[0])
		}
		return firn.None, nil
	case match[0] == "*":
		return firn.Exists, nil
	}
	revision, ok := parseETag(match[0])
	if !ok {
		return firn.Any, firn.Errorf(firn.ErrInvalid, `If-Match: %.40s; want the stream's last revision in double quotes, as its ETag has it (If-Match: "7"), or * for a stream that exists`, match[0])
	}
	return firn.At(revision), nil
}

func etag(r firn.Revision) string { return fmt.Sprintf(`"%d"`, r) }

func parseETag(text string) (firn.Revision, bool) {
	digits, opened := strings.CutPrefix(text, `"`)
	digits, closed := strings.CutSuffix(digits, `"`)
	n, err := strconv.ParseUint(digits, 10, 64)
	return firn.Revision(n), opened && closed && err == nil
}
