package function

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
)

// Post sends each event to a webhook, as a CloudEvent over HTTP. A status of 2xx
// acknowledges it.
type Post struct {
	Group   string
	URL     string
	Binary  bool          // in binary mode instead of structured mode
	Timeout time.Duration // of one request
	Secrets []Secret      // sign with each of them; none: requests are not signed
	Agent   string        // the User-Agent

	Now    func() time.Time // nil: the clock's
	Client *http.Client     // see NewClient
}

// NewClient returns a client for so many requests at a time. It follows no
// redirect: what was signed for one receiver is not for another.
func NewClient(parallel int) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = parallel
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// CheckURL says what is wrong with the URL of a webhook, or nil.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return firn.Errorf(firn.ErrInvalid, "%.200q is no URL of a webhook; give http://… or https://…", text)
	}
	return nil
}

// Handle sends one event.
func (p *Post) Handle(ctx context.Context, d firn.Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	r, err := p.request(ctx, &d)
	if err != nil {
		return client.Stop(err)
	}
	answer, err := p.Client.Do(r)
	if err != nil {
		return p.unanswered(ctx, err)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, answerBytesMax)) // what cannot be read says nothing
	return p.answered(answer, body)
}

// answerBytesMax is how much is read of an answer; its first line is part of the
// reason where the event is not acknowledged.
const answerBytesMax = 16 << 10

func (p *Post) request(ctx context.Context, d *firn.Delivery) (*http.Request, error) {
	header, body := structured(&d.Event)
	if p.Binary {
		header, body = binary(&d.Event)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = header
	id := d.Event.ID.String()
	header.Set("User-Agent", p.Agent)
	header.Set("Idempotency-Key", id)
	header.Set("Firn-Group", p.Group)
	header.Set("Firn-Attempt", strconv.FormatUint(uint64(d.Attempt), 10))
	header.Set("Firn-Replay", strconv.FormatBool(d.Replay))
	sign(header, p.Secrets, id, p.now(), body)
	return r, nil
}

func (p *Post) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// unanswered says why no answer came. The URL is left out: it may hold a
// password.
func (p *Post) unanswered(ctx context.Context, err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer in time (%v, or the end of the lease)", p.Timeout)
	}
	return err
}

// answered says what becomes of an event by the receiver's answer.
func (p *Post) answered(a *http.Response, body []byte) error {
	if a.StatusCode >= 200 && a.StatusCode < 300 {
		return nil
	}
	reason := "HTTP " + a.Status
	if to := a.Header.Get("Location"); to != "" && a.StatusCode < 400 {
		reason += "; redirects are not followed (to " + to + ")"
	}
	if line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n"); line != "" {
		reason += ": " + strings.TrimSpace(line)
	}
	err := errors.New(reason)
	switch a.StatusCode {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return client.Park(err) // it is this event that is not wanted, and it will be the same the next time
	}
	if delay, ok := p.retryAfter(a.Header.Get("Retry-After")); ok {
		return client.RetryAfter(err, delay)
	}
	return err
}

// retryAfterMax is the longest wait that a receiver is granted.
const retryAfterMax = 24 * time.Hour

// retryAfter reads the header of this name: seconds, or a date.
func (p *Post) retryAfter(text string) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, retryAfterMax), seconds > 0
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	delay := at.Sub(p.now())
	return min(delay, retryAfterMax), delay > 0
}
