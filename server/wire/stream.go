package wire

import "github.com/firndb/firn"

// Stream asks for a stream's description as of a point.
//
//	[stream str, at point]
type Stream struct {
	Name string
	At   firn.Point
}

func (*Stream) Kind() Kind { return KindStream }

func (m *Stream) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Stream) write(w *writer) {
	w.array(2)
	w.string(m.Name)
	w.point(m.At)
}

func (m *Stream) parse(r *reader) {
	later := r.begin(2)
	m.Name, m.At = r.string(), r.point()
	r.end(later)
}

// StreamInfo is the description.
//
//	[stream str, state uint, position uint, revision uint, first revision uint, events uint, bytes uint,
//	 first time, last time, max age uint (µs), max count uint, metadata bin or nil, open bool]
type StreamInfo struct{ Info firn.StreamInfo }

func (*StreamInfo) Kind() Kind { return KindStreamInfo }

func (m *StreamInfo) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *StreamInfo) write(w *writer) {
	w.info(&m.Info)
}

func (m *StreamInfo) parse(r *reader) { m.Info = r.info() }

func (w *writer) info(i *firn.StreamInfo) {
	w.array(13)
	w.string(i.Name)
	w.uint(uint64(i.State))
	w.position(i.Position)
	w.revision(i.Revision)
	w.revision(i.FirstRevision)
	w.uint(i.Events)
	w.uint(i.Bytes)
	w.time(i.FirstTime)
	w.time(i.LastTime)
	w.duration(i.MaxAge)
	w.uint(i.MaxCount)
	if i.Metadata == nil {
		w.nil()
	} else {
		w.bin(i.Metadata)
	}
	w.bool(i.Open)
}

func (r *reader) info() firn.StreamInfo {
	later := r.begin(13)
	i := firn.StreamInfo{Name: r.string()}
	state := r.uint()
	if state < uint64(firn.Live) || state > uint64(firn.Tombstoned) {
		r.fail("state")
	}
	i.State = firn.LifeState(state)
	i.Position = r.position()
	i.Revision, i.FirstRevision = r.revision(), r.revision()
	i.Events, i.Bytes = r.uint(), r.uint()
	i.FirstTime, i.LastTime = r.time(), r.time()
	i.MaxAge = r.duration()
	i.MaxCount = r.uint()
	if !r.isNil() {
		i.Metadata = r.bin()
	}
	i.Open = r.bool()
	r.end(later)
	return i
}
