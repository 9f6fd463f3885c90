package cloudevents

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
)

// sourceDefault is the source of events that came from no other.
const sourceDefault = "firn"

// namespaceURL is the UUID namespace for names that are URLs (RFC 9562, 6.6).
// A source is a URI reference.
var namespaceURL = firn.ID{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// DeriveID returns the id of an event whose CloudEvents id is no UUID: the
// UUIDv5 of id within the UUIDv5 of source within the namespace for URLs.
func DeriveID(source, id string) firn.ID {
	return firn.NameID(firn.NameID(namespaceURL, source), id)
}

// Parse reads one CloudEvent. The error says what is wrong with the line and
// is an ErrInvalid *firn.Error. What the store checks anyway (sizes, control
// characters in a type) is left to it.
func Parse(line []byte) (stream string, d firn.Draft, err error) {
	var p parser
	if err := p.line(line); err != nil {
		return "", d, firn.Errorf(firn.ErrInvalid, "%v", err)
	}
	return p.stream, p.draft, nil
}

// ParseFor is Parse for an event that goes into a stream that is named beside
// it. It needs no subject; where it has one, it must be that stream.
func ParseFor(stream string, line []byte) (firn.Draft, error) {
	p := parser{into: stream}
	if err := p.line(line); err != nil {
		return firn.Draft{}, firn.Errorf(firn.ErrInvalid, "%v", err)
	}
	return p.draft, nil
}

// ParseBinary is ParseFor for an event whose attributes stand apart from its
// data, as strings: the binary mode of the HTTP binding.
func ParseBinary(stream string, attributes map[string]string, contentType string, data []byte) (firn.Draft, error) {
	p := parser{into: stream}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		switch name {
		case "data", "data_base64", "datacontenttype":
			return firn.Draft{}, firn.Errorf(firn.ErrInvalid, "ce-%s is no attribute of an event in binary mode: the data is the body, its type Content-Type", name)
		}
		m := jsonline.Member{Name: name, Value: jsonline.AppendString(nil, attributes[name])}
		if err := p.member(&m); err != nil {
			return firn.Draft{}, firn.Errorf(firn.ErrInvalid, "ce-%v", err)
		}
	}
	if err := p.finish(); err != nil {
		return firn.Draft{}, firn.Errorf(firn.ErrInvalid, "%v", err)
	}
	p.draft.ContentType, p.draft.Data = contentType, data
	return p.draft, nil
}

// parser holds what the members have said so far.
type parser struct {
	into   string // the stream that the subject must be; "": any
	stream string
	draft  firn.Draft

	version, id, source string
	data                []byte // nil: none
	base64              *string
	metadata            []byte
	trace, kept         []jsonline.Member
}

// line reads an event in the JSON format.
func (p *parser) line(line []byte) error {
	members, err := jsonline.Members(line)
	if err != nil {
		return err
	}
	for i := range members {
		if members[i].IsNull() && members[i].Name != "data" {
			continue // an attribute that is null is not there (JSON format, 2.2)
		}
		if err := p.member(&members[i]); err != nil {
			return err
		}
	}
	return p.finish()
}

func (p *parser) member(m *jsonline.Member) (err error) {
	switch m.Name {
	case "specversion":
		p.version, err = m.String()
	case "id":
		p.id, err = m.String()
	case "source":
		p.source, err = m.String()
	case "type":
		p.draft.Type, err = m.String()
	case "subject":
		p.stream, err = m.String()
	case "time":
		p.draft.Occurred, err = moment(m)
	case "datacontenttype":
		p.draft.ContentType, err = m.String()
	case "data":
		p.data = m.Value
	case "data_base64":
		var text string
		text, err = m.String()
		p.base64 = &text
	case "firntime":
	case "firnschema":
		p.draft.Schema, err = schema(m)
	case "correlationid":
		p.draft.CorrelationID, err = m.String()
	case "causationid":
		p.draft.CausationID, err = m.String()
	case "firnmetadata":
		if p.metadata = bytes.Clone(m.Value); m.Value[0] == '"' {
			var text string
			text, err = m.String()
			p.metadata = []byte(text)
		}
	case "firnmetadatabase64":
		p.metadata, err = decodeBase64(m)
	case "traceparent", "tracestate":
		p.trace = append(p.trace, *m)
	default:
		p.kept = append(p.kept, *m)
	}
	return err
}

// finish checks what must be there and puts the parts together.
func (p *parser) finish() error {
	if p.stream == "" {
		p.stream = p.into
	}
	if p.version != "1.0" {
		return fmt.Errorf("specversion is %.20q; CloudEvents 1.0 is what can be read", p.version)
	}
	for _, need := range []struct{ name, value string }{
		{"id", p.id}, {"source", p.source}, {"type", p.draft.Type}, {"subject", p.stream},
	} {
		if need.value == "" {
			hint := ""
			if need.name == "subject" {
				hint = " (it names the stream)"
			}
			return fmt.Errorf("the attribute %s is missing or empty%s", need.name, hint)
		}
	}
	if p.into != "" && p.stream != p.into {
		return fmt.Errorf("the subject %.64q is not the stream %.64q that the event is sent to; make them the same, or leave the subject out", p.stream, p.into)
	}
	if err := firn.CheckStreamName(p.stream); err != nil {
		return err
	}
	if firn.IsSystem(p.stream) {
		return fmt.Errorf("the subject %.64q begins with '$'; such streams are the system's", p.stream)
	}
	if err := p.payload(); err != nil {
		return err
	}
	p.identify()
	p.draft.Metadata = keep(p.metadata, p.trace, p.kept)
	return nil
}

// identify sets the draft's id and puts source and id among what is kept,
// where they would be lost otherwise.
func (p *parser) identify() {
	var own []jsonline.Member
	if p.source != sourceDefault {
		own = append(own, jsonline.Member{Name: "source", Value: jsonline.AppendString(nil, p.source)})
	}
	id, err := firn.ParseID(p.id)
	if err != nil || id.IsZero() {
		id = DeriveID(p.source, p.id)
		own = append(own, jsonline.Member{Name: "id", Value: jsonline.AppendString(nil, p.id)})
	}
	p.draft.ID, p.kept = id, append(own, p.kept...)
}

func (p *parser) payload() (err error) {
	switch {
	case p.base64 != nil && p.data != nil:
		return fmt.Errorf("both data and data_base64 are given; only one can be the data")
	case p.base64 != nil:
		p.draft.Data, err = decodeText("data_base64", *p.base64)
	case p.data == nil:
	case !IsJSON(p.draft.ContentType) && p.data[0] == '"':
		m := jsonline.Member{Name: "data", Value: p.data}
		var text string
		text, err = m.String()
		p.draft.Data = []byte(text)
	default:
		p.draft.Data = jsonline.Compact(nil, p.data)
	}
	return err
}

// IsJSON reports whether data of a content type is JSON. The empty content
// type stands for application/json.
func IsJSON(contentType string) bool {
	if contentType == "" || contentType == firn.JSON {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == firn.JSON || media == "text/json" || strings.HasSuffix(media, "+json"))
}

func moment(m *jsonline.Member) (time.Time, error) {
	text, err := m.String()
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is %.40q; it must be a moment like 2026-03-01T14:32:07Z", m.Name, text)
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

func schema(m *jsonline.Member) (uint32, error) {
	n, err := strconv.ParseUint(strings.Trim(string(m.Value), `"`), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s is %.40s; it must be a number from 0 to %d", m.Name, m.Value, uint32(1<<32-1))
	}
	return uint32(n), nil
}

func decodeBase64(m *jsonline.Member) ([]byte, error) {
	text, err := m.String()
	if err != nil {
		return nil, err
	}
	return decodeText(m.Name, text)
}

func decodeText(name, text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64: %v", name, err)
	}
	return b, nil
}
