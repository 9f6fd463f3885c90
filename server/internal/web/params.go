package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/points"
)

// params reads a request's query. It keeps the first error, so that one look at
// it is enough.
type params struct {
	values url.Values
	err    error
}

// paramsOf refuses parameters that are not known: a misspelt one would select
// something else without a word.
func paramsOf(r *http.Request, known ...string) *params {
	values, err := url.ParseQuery(r.URL.RawQuery)
	p := &params{values: values}
	if err != nil {
		p.fail("the query %.200q cannot be read: %v", r.URL.RawQuery, err)
	}
	for name := range values {
		if !slices.Contains(known, name) {
			slices.Sort(known)
			p.fail("the parameter %.64q is not known here; known are %s", name, strings.Join(known, ", "))
		}
	}
	return p
}

func (p *params) fail(format string, args ...any) {
	if p.err == nil {
		p.err = firn.Errorf(firn.ErrInvalid, format, args...)
	}
}

// text returns a parameter that may be given once; "" where it is not.
func (p *params) text(name string) string {
	all := p.values[name]
	if len(all) > 1 {
		p.fail("the parameter %s is given %d times; give it once", name, len(all))
	}
	return p.values.Get(name)
}

// list returns a parameter that may be given often, and hold several values
// between commas.
func (p *params) list(name string) (all []string) {
	for _, text := range p.values[name] {
		all = append(all, strings.Split(text, ",")...)
	}
	if slices.Contains(all, "") {
		p.fail("the parameter %s holds an empty value", name)
	}
	return all
}

func (p *params) number(name string) (n uint64) {
	if text := p.text(name); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			p.fail("%s=%.40s is not a number from 0", name, text)
		}
	}
	return n
}

func (p *params) id(name string) (id firn.ID) {
	if text := p.text(name); text != "" {
		var err error
		if id, err = firn.ParseID(text); err != nil {
			p.fail("%s: %v", name, err)
		}
	}
	return id
}

// flag is true where the parameter is given without a value, too.
func (p *params) flag(name string) bool {
	if !p.values.Has(name) {
		return false
	}
	switch text := p.text(name); text {
	case "", "true", "1":
		return true
	case "false", "0":
	default:
		p.fail("%s=%.40s is neither true nor false", name, text)
	}
	return false
}

func (p *params) point(name string, oneStream bool) firn.Point {
	at, err := points.Parse(name, p.text(name), oneStream, time.Now())
	if err != nil {
		p.fail("%v", err)
	}
	return at
}

// How long a caller waits for the beginning of an answer.
const (
	timeoutDefault = 10 * time.Second
	timeoutMax     = 5 * time.Minute
)

func (p *params) timeout() time.Duration {
	text := p.text("timeout")
	if text == "" {
		return timeoutDefault
	}
	d, err := points.ParseSpan(text)
	if err != nil || d <= 0 || d > timeoutMax {
		p.fail("timeout=%.40s; give a time like 30s, at most %v", text, timeoutMax)
	}
	return d
}
