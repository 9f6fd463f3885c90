package cloudevents

import (
	"bytes"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
)

// keptName is the member of an event's metadata that holds the attributes that
// have no place of their own.
const keptName = "cloudevents"

// keep adds to metadata the members for tracing that it does not have yet, and
// the kept attributes. They are spliced in before the closing brace, so that
// cutting them out again gives back the very bytes.
func keep(metadata []byte, trace, kept []jsonline.Member) []byte {
	if len(bytes.TrimSpace(metadata)) == 0 {
		metadata = []byte("{}")
	}
	members, err := jsonline.Members(metadata)
	if err != nil {
		return metadata
	}
	has := map[string]bool{}
	for _, m := range members {
		has[m.Name] = true
	}
	var added jsonline.Object
	empty := true
	for _, m := range trace {
		if !has[m.Name] {
			added.JSON(m.Name, m.Value)
			empty = false
		}
	}
	if len(kept) > 0 && !has[keptName] {
		var o jsonline.Object
		for _, m := range kept {
			o.JSON(m.Name, m.Value)
		}
		added.JSON(keptName, o.Bytes())
		empty = false
	}
	if empty {
		if string(metadata) == "{}" {
			return nil
		}
		return metadata
	}
	end := bytes.LastIndexByte(metadata, '}')
	out := append([]byte(nil), metadata[:end]...)
	if len(members) > 0 {
		out = append(out, ',')
	}
	out = append(out, added.Bytes()[1:]...)
	return append(out, metadata[end+1:]...)
}

// attributes is what an event's metadata says about its CloudEvents form.
type attributes struct {
	trace    []jsonline.Member // traceparent and tracestate, which stay in rest too
	kept     []jsonline.Member // without source and id
	source   string
	id       string // "": the event's own
	rest     []byte // the metadata without what is kept; nil: nothing else was there
	revision []byte // of the first recording, as written; nil: this one is the first
	position []byte
}

// take is the inverse of keep.
func take(e *firn.Event) attributes {
	a := attributes{source: sourceDefault, rest: e.Metadata}
	members, err := jsonline.Members(e.Metadata)
	if err != nil {
		return a
	}
	for _, m := range members {
		if m.Name == "traceparent" || m.Name == "tracestate" {
			if _, err := m.String(); err == nil {
				a.trace = append(a.trace, m)
			}
		}
	}
	if n := len(members); n > 0 && members[n-1].Name == keptName && a.read(e, &members[n-1]) {
		a.rest = without(e.Metadata, members)
	}
	if string(a.rest) == "{}" {
		a.rest = nil // says nothing, and could not be told from what keep began with
	}
	return a
}

// read reads the kept attributes. It reports false where the member is not
// what keep makes: somebody else's, to be left alone.
func (a *attributes) read(e *firn.Event, from *jsonline.Member) bool {
	members, err := jsonline.Members(from.Value)
	if err != nil {
		return false
	}
	b := *a
	for i := range members {
		m := &members[i]
		switch m.Name {
		case "source":
			if b.source, err = m.String(); err != nil || b.source == "" {
				return false
			}
		case "id":
			if b.id, err = m.String(); err != nil || b.id == "" {
				return false
			}
		case "firnrevision":
			b.revision = m.Value
		case "firnposition":
			b.position = m.Value
		default:
			if reserved[m.Name] || m.IsNull() {
				return false
			}
			b.kept = append(b.kept, *m)
		}
	}
	if b.id != "" && DeriveID(b.source, b.id) != e.ID {
		return false
	}
	*a = b
	return true
}

// reserved are the attributes that Append writes from the event itself.
var reserved = map[string]bool{
	"specversion": true, "type": true, "subject": true, "time": true, "datacontenttype": true,
	"data": true, "data_base64": true, "firntime": true, "firnschema": true,
	"correlationid": true, "causationid": true, "firnmetadata": true, "firnmetadatabase64": true,
	"traceparent": true, "tracestate": true,
}

// without cuts the last member out of an object.
func without(object []byte, members []jsonline.Member) []byte {
	n := len(members)
	last := members[n-1]
	start := last.Start
	if n > 1 {
		start = bytes.LastIndexByte(object[:start], ',')
	}
	end := bytes.LastIndexByte(object, '}')
	return append(append([]byte(nil), object[:start]...), object[end:]...)
}
