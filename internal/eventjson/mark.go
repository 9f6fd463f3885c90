package eventjson

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
)

// Mark adds the members of a subscription's mark: what sort it is, the position
// that it speaks of, and the history which that counts in; for a change of life
// also the stream and which change it was.
func Mark(o *jsonline.Object, m *firn.Mark) {
	o.String("mark", m.Kind.String())
	o.Uint("at", uint64(m.At))
	if !m.History.IsZero() {
		o.String("history", m.History.String())
	}
	if m.Kind != firn.LifeMark {
		return
	}
	o.String("stream", m.Stream)
	o.String("change", Change(m.Life))
	o.Time("time", m.Time)
}

// Change names a change to a stream as a whole, "" for none.
func Change(life firn.Life) string {
	switch life.(type) {
	case firn.Delete:
		return "delete"
	case firn.Tombstone:
		return "tombstone"
	case firn.Truncate:
		return "truncate"
	case firn.Limits:
		return "limits"
	case firn.Metadata:
		return "metadata"
	}
	return ""
}
