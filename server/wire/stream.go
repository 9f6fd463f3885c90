package wire

import (
	"time"

	"github.com/firndb/firn"
)

// Stream asks for a stream's description as of a point.
//
//	[stream str, at point]
type Stream struct {
	Name string
	At   firn.Point
}

func (*Stream) Kind() Kind { return KindStream }

func (m *Stream) AppendBody(dst []byte) []byte {
	return appendPoint(appendString(appendArray(dst, 2), m.Name), m.At)
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

func (m *StreamInfo) AppendBody(dst []byte) []byte { return appendInfo(dst, &m.Info) }

func (m *StreamInfo) parse(r *reader) { m.Info = r.info() }

func appendInfo(dst []byte, i *firn.StreamInfo) []byte {
	dst = appendString(appendArray(dst, 13), i.Name)
	dst = appendUint(dst, uint64(i.State))
	dst = appendUint(dst, uint64(i.Position))
	dst = appendUint(dst, uint64(i.Revision))
	dst = appendUint(dst, uint64(i.FirstRevision))
	dst = appendUint(dst, i.Events)
	dst = appendUint(dst, i.Bytes)
	dst = appendTime(dst, i.FirstTime)
	dst = appendTime(dst, i.LastTime)
	dst = appendUint(dst, uint64(i.MaxAge.Microseconds()))
	dst = appendUint(dst, i.MaxCount)
	if i.Metadata == nil {
		dst = appendNil(dst)
	} else {
		dst = appendBin(dst, i.Metadata)
	}
	return appendBool(dst, i.Open)
}

func (r *reader) info() firn.StreamInfo {
	later := r.begin(13)
	i := firn.StreamInfo{Name: r.string()}
	state := r.uint()
	if state < uint64(firn.Live) || state > uint64(firn.Tombstoned) {
		r.fail("state")
	}
	i.State = firn.LifeState(state)
	i.Position = firn.Position(r.uint())
	i.Revision, i.FirstRevision = firn.Revision(r.uint()), firn.Revision(r.uint())
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

// microsMax is the longest time.Duration, in µs.
const microsMax = uint64((1<<63 - 1) / time.Microsecond)

// duration reads µs.
func (r *reader) duration() time.Duration {
	micros := r.uint()
	if micros > microsMax {
		r.fail("durations: one is too long")
		return 0
	}
	return time.Duration(micros) * time.Microsecond
}
