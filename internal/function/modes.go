package function

import (
	"net/http"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
	"github.com/firndb/firn/internal/jsonline"
)

// structured returns an event in CloudEvents' structured mode: all of it is the
// body.
func structured(e *firn.Event) (http.Header, []byte) {
	return http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}, cloudevents.Append(nil, e)
}

// binary returns an event in CloudEvents' binary mode: the attributes are
// headers, and the body is the data as it is stored.
func binary(e *firn.Event) (http.Header, []byte) {
	header := http.Header{"Content-Type": {e.ContentType}}
	members, err := jsonline.Members(cloudevents.Append(nil, e))
	if err != nil {
		panic(err) // it is our own JSON
	}
	for i := range members {
		m := &members[i]
		switch m.Name {
		case "data", "data_base64", "datacontenttype":
			continue
		}
		value, err := m.String()
		if err != nil {
			value = string(m.Value) // a number or a boolean, which are written the same
		}
		header.Set("Ce-"+m.Name, escaped(value))
	}
	return header, e.Data
}

// escaped percent-encodes a header's value as CloudEvents' HTTP binding (1.0.2,
// 3.1.3.2) has it: all but printable ASCII, and of that the space, the quote and
// the percent sign.
func escaped(value string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		if c > 0x20 && c < 0x7f && c != '"' && c != '%' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
