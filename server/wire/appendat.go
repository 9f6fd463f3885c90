package wire

import "time"

// AppendAt is an Append whose events are to have a time of their own, instead of
// the leader's. The answer is Appended.
//
//	[time, writes: array as in Append]
type AppendAt struct {
	Time   time.Time
	Writes []Write
}

func (*AppendAt) Kind() Kind { return KindAppendAt }

func (m *AppendAt) AppendBody(dst []byte) []byte {
	dst = appendTime(appendArray(dst, 2), m.Time)
	return appendWrites(dst, m.Writes)
}

func (m *AppendAt) parse(r *reader) {
	later := r.begin(2)
	m.Time = r.time()
	m.Writes = r.writes()
	r.end(later)
}

// BeginAppendAt is BeginAppend for an AppendAt.
func BeginAppendAt(dst []byte, at time.Time, writes int) AppendWriter {
	return AppendWriter{appendArray(appendTime(appendArray(dst, 2), at), writes)}
}

// timeField is a time that is written alone.
type timeField time.Time

func (t timeField) write(w *writer) { w.time(time.Time(t)) }

func appendTime(dst []byte, t time.Time) []byte { return appendFields(dst, timeField(t)) }
