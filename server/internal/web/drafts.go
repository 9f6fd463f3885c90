package web

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
	"github.com/firndb/firn/internal/jsonline"
)

const (
	typeEvent = "application/cloudevents+json"
	typeBatch = "application/cloudevents-batch+json"
)

// mode is one way to send events.
type mode struct {
	bytesMax int      // of the body
	params   []string // that the query may have
	parse    func(p *params, body []byte) ([]firn.Draft, error)
}

// modeOf returns the mode in which a request sends its events. What a web page of
// another origin may send without asking (no content type, text, a form) is none.
func (d *Door) modeOf(a *answer, r *http.Request, stream string) (mode, error) {
	contentType := r.Header.Get("Content-Type")
	media, _, _ := mime.ParseMediaType(contentType)
	attributes, err := attributes(r.Header)
	switch {
	case err != nil:
		return mode{}, err
	case media == typeEvent:
		return mode{d.o.BodyBytes, nil, func(_ *params, body []byte) ([]firn.Draft, error) {
			return one(cloudevents.ParseFor(stream, body))
		}}, nil
	case media == typeBatch:
		return mode{d.o.BodyBytes, nil, func(_ *params, body []byte) ([]firn.Draft, error) {
			return batch(stream, body, d.o.AppendEvents)
		}}, nil
	case strings.HasPrefix(media, "application/cloudevents"): // in a format that is not read
		return mode{}, unsupported(a, contentType)
	case len(attributes) > 0:
		return mode{d.o.EventBytes, nil, func(_ *params, body []byte) ([]firn.Draft, error) {
			if err := checkData(contentType, body); err != nil {
				return nil, err
			}
			return one(cloudevents.ParseBinary(stream, attributes, contentType, body))
		}}, nil
	case media == firn.JSON:
		return mode{d.o.EventBytes, []string{"type", "id", "schema", "metadata", "correlation", "causation"}, func(p *params, body []byte) ([]firn.Draft, error) {
			return one(plain(p, body))
		}}, nil
	}
	return mode{}, unsupported(a, contentType)
}

// drafts reads what is to be appended, and how long the caller waits. The drafts
// hold on to the body until free is called.
func (d *Door) drafts(a *answer, r *http.Request, stream string) (drafts []firn.Draft, timeout time.Duration, free func(), err error) {
	free = func() {}
	m, err := d.modeOf(a, r, stream)
	if err != nil {
		return nil, 0, free, err
	}
	p := paramsOf(r, append(m.params, "timeout")...)
	if timeout = p.timeout(); p.err != nil {
		return nil, 0, free, p.err
	}
	body, free, err := d.body(a, r, m.bytesMax)
	if err != nil {
		return nil, 0, free, err
	}
	drafts, err = m.parse(p, body)
	return drafts, timeout, free, err
}

func one(d firn.Draft, err error) ([]firn.Draft, error) { return []firn.Draft{d}, err }

func batch(stream string, body []byte, most int) ([]firn.Draft, error) {
	events, err := jsonline.Elements(body, most)
	if err != nil {
		return nil, firn.Errorf(firn.ErrInvalid, "the batch: %v", err)
	}
	if len(events) == 0 {
		return nil, firn.Errorf(firn.ErrInvalid, "the batch has no events; give it at least one")
	}
	drafts := make([]firn.Draft, len(events))
	for i, event := range events {
		if drafts[i], err = cloudevents.ParseFor(stream, event); err != nil {
			return nil, firn.Errorf(firn.ErrInvalid, "event %d of the batch: %v", i+1, err)
		}
	}
	return drafts, nil
}

// plain is an event of JSON data whose type stands in the query: what people
// type by hand.
func plain(p *params, body []byte) (firn.Draft, error) {
	d := firn.Draft{Type: p.text("type"), Data: body, CorrelationID: p.text("correlation"), CausationID: p.text("causation")}
	if d.Type == "" {
		return d, firn.Errorf(firn.ErrInvalid, "the event has no type; give it in the query (?type=OrderPlaced), or send a CloudEvent (%s)", typeEvent)
	}
	if id := p.text("id"); id != "" {
		var err error
		if d.ID, err = firn.ParseID(id); err != nil {
			return d, firn.Errorf(firn.ErrInvalid, "id: %v", err)
		}
	}
	if text := p.text("schema"); text != "" {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return d, firn.Errorf(firn.ErrInvalid, "schema=%.40s is not a number from 0 to %d", text, uint32(1<<32-1))
		}
		d.Schema = uint32(n)
	}
	if text := p.text("metadata"); text != "" {
		if err := jsonline.Check([]byte(text)); err != nil {
			return d, firn.Errorf(firn.ErrInvalid, "metadata: %v", err)
		}
		d.Metadata = []byte(text)
	}
	if p.err != nil {
		return d, p.err
	}
	return d, checkData(firn.JSON, body)
}

// checkData refuses data that is not the JSON that it is said to be.
func checkData(contentType string, data []byte) error {
	if len(data) == 0 || !cloudevents.IsJSON(contentType) {
		return nil
	}
	if err := jsonline.Check(data); err != nil {
		return firn.Errorf(firn.ErrInvalid, "the body: %v", err)
	}
	return nil
}

// attributes are a CloudEvent's in binary mode, by their names. A header holds
// printable ASCII; everything else is percent-encoded in it.
func attributes(h http.Header) (map[string]string, error) {
	all := map[string]string{}
	for name, values := range h {
		attribute, ok := strings.CutPrefix(strings.ToLower(name), "ce-")
		if !ok {
			continue
		}
		text, err := url.PathUnescape(values[0])
		if err != nil || len(values) > 1 || !utf8.ValidString(text) || attribute == "" {
			return nil, firn.Errorf(firn.ErrInvalid, "the header %.64s: %.64q is not one value in percent-encoded UTF-8", strings.ToLower(name), values)
		}
		all[attribute] = text
	}
	return all, nil
}

const accepted = typeEvent + ", " + typeBatch + ", " + firn.JSON

func unsupported(a *answer, contentType string) error {
	a.Header().Set("Accept-Post", accepted)
	if contentType == "" {
		contentType = "(none)"
	}
	return refused(http.StatusUnsupportedMediaType, firn.ErrUnsupported,
		"the content type %.80s cannot be appended; send %s, %s, %s with ?type=T, or anything with the headers ce-specversion, ce-id, ce-source and ce-type", contentType, typeEvent, typeBatch, firn.JSON)
}
