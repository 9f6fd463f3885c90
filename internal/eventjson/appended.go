package eventjson

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
)

// Appended returns the answer to an append: an object for one stream, a list
// "writes" of these for several. Where there were only conditions the list is
// empty, and "position" says where they held.
func Appended(done *firn.Appended) []byte {
	if len(done.Writes) == 1 {
		return written(&done.Writes[0], done)
	}
	writes := make([][]byte, len(done.Writes))
	for i := range done.Writes {
		writes[i] = written(&done.Writes[i], done)
	}
	var o jsonline.Object
	o.JSON("writes", jsonline.List(writes))
	if len(writes) == 0 {
		o.Uint("position", uint64(done.Position))
	}
	return o.Bytes()
}

func written(w *firn.Written, done *firn.Appended) []byte {
	var o jsonline.Object
	o.String("stream", w.Stream)
	o.Uint("first_revision", uint64(w.FirstRevision))
	o.Uint("last_revision", uint64(w.LastRevision))
	o.Uint("first_position", uint64(w.FirstPosition))
	o.Uint("last_position", uint64(w.LastPosition))
	o.Time("time", done.Time)
	o.Strings("ids", IDs(w.IDs))
	o.Bool("repeated", done.Repeated)
	return o.Bytes()
}

// IDs returns ids as text.
func IDs(ids []firn.ID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return texts
}
