package wire

import (
	"math"

	"github.com/firndb/firn"
)

// Group asks where a group stands.
//
//	[group str]
type Group struct{ Name string }

func (*Group) Kind() Kind { return KindGroup }

func (m *Group) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Group) write(w *writer) {
	w.array(1)
	w.string(m.Name)
}

func (m *Group) parse(r *reader) {
	later := r.begin(1)
	m.Name = r.string()
	r.end(later)
}

// GroupInfo is the answer. The protocol has no floats: rates are events in a
// thousand seconds.
//
//	[group, passed uint, head uint, lag uint, lag exact bool, lag time duration, in flight uint,
//	 retrying uint, parked uint, waiting uint, consumers uint, delivered uint, settled uint]
type GroupInfo struct{ Info firn.GroupInfo }

func (*GroupInfo) Kind() Kind { return KindGroupInfo }

func (m *GroupInfo) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *GroupInfo) write(w *writer) {
	i := &m.Info
	w.array(13)
	w.group(&i.Group)
	w.position(i.Passed)
	w.position(i.Head)
	w.uint(i.Lag)
	w.bool(i.LagExact)
	w.duration(i.LagTime)
	w.uint(i.InFlight)
	w.uint(i.Retrying)
	w.uint(i.Parked)
	w.uint(i.Waiting)
	w.uint(uint64(i.Consumers))
	w.rate(i.Delivered)
	w.rate(i.Settled)
}

func (m *GroupInfo) parse(r *reader) {
	later := r.begin(13)
	m.Info = firn.GroupInfo{
		Group: r.group(), Passed: r.position(), Head: r.position(),
		Lag: r.uint(), LagExact: r.bool(), LagTime: r.duration(),
		InFlight: r.uint(), Retrying: r.uint(), Parked: r.uint(), Waiting: r.uint(),
		Consumers: r.uint32(), Delivered: r.rate(), Settled: r.rate(),
	}
	r.end(later)
}

// rateMax keeps a rate a number that a float holds to the last digit.
const rateMax = 1 << 53

func (w *writer) rate(perSecond float64) {
	w.uint(uint64(min(math.Round(max(perSecond, 0)*1000), rateMax)))
}

func (r *reader) rate() float64 {
	n := r.uint()
	if n > rateMax {
		r.fail("rates: one is too high")
		return 0
	}
	return float64(n) / 1000
}
