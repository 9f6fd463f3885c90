package wire

import (
	"math"
	"time"

	"github.com/firndb/firn"
)

// The words of the root package that several messages carry, each in both
// directions. hot.go has some of them a second time.

func (w *writer) position(p firn.Position) { w.uint(uint64(p)) }
func (r *reader) position() firn.Position  { return firn.Position(r.uint()) }

func (w *writer) revision(v firn.Revision) { w.uint(uint64(v)) }
func (r *reader) revision() firn.Revision  { return firn.Revision(r.uint()) }

// id writes bin of 16 bytes, or nil for the zero id.
func (w *writer) id(id [16]byte) {
	if id == ([16]byte{}) {
		w.nil()
		return
	}
	w.bin(id[:])
}

func (r *reader) id() (id [16]byte) {
	if r.isNil() {
		return id
	}
	b := r.bin()
	if len(b) != len(id) {
		r.fail("ids: one is not of 16 bytes")
		return id
	}
	return [16]byte(b)
}

// time writes µs since 1970, or nil for the zero time.
func (w *writer) time(t time.Time) {
	if t.IsZero() {
		w.nil()
		return
	}
	w.int(t.UnixMicro())
}

func (r *reader) time() time.Time {
	if r.isNil() {
		return time.Time{}
	}
	return time.UnixMicro(r.int()).UTC()
}

// microsMax is the longest time.Duration, in µs.
const microsMax = uint64((1<<63 - 1) / time.Microsecond)

// duration writes µs.
func (w *writer) duration(d time.Duration) { w.uint(uint64(d.Microseconds())) }

func (r *reader) duration() time.Duration {
	micros := r.uint()
	if micros > microsMax {
		r.fail("durations: one is too long")
		return 0
	}
	return time.Duration(micros) * time.Microsecond
}

// expectation writes [kind], or [kind, revision] for an exact one.
func (w *writer) expectation(e firn.Expectation) {
	kind, revision := e.Code()
	if _, exact := e.Exact(); exact {
		w.array(2)
		w.uint(uint64(kind))
		w.uint(revision)
		return
	}
	w.array(1)
	w.uint(uint64(kind))
}

func (r *reader) expectation() firn.Expectation {
	n := r.begin(1) + 1
	kind, revision := r.uint(), uint64(0)
	if n > 1 {
		revision = r.uint()
		r.end(n - 2)
	}
	if kind > math.MaxUint8 {
		r.fail("expectation")
		return firn.Any
	}
	e, err := firn.ExpectationFromCode(uint8(kind), revision)
	if _, exact := e.Exact(); err != nil || exact != (n > 1) {
		r.fail("expectation")
		return firn.Any
	}
	return e
}

// point writes [kind], or [kind, number] for a revision, a position or a moment
// (µs since 1970).
func (w *writer) point(p firn.Point) {
	kind := p.Kind()
	if kind < firn.PointRevision {
		w.array(1)
		w.uint(uint64(kind))
		return
	}
	w.array(2)
	w.uint(uint64(kind))
	switch kind {
	case firn.PointRevision:
		w.revision(p.Revision())
	case firn.PointPosition:
		w.position(p.Position())
	case firn.PointMoment:
		w.int(p.Moment().UnixMicro())
	}
}

func (r *reader) point() firn.Point {
	n := r.begin(1) + 1
	kind := firn.PointKind(min(r.uint(), math.MaxUint8))
	if numbered := kind >= firn.PointRevision; kind > firn.PointMoment || numbered != (n > 1) {
		r.fail("point")
		return firn.Point{}
	}
	var p firn.Point
	switch kind {
	case firn.PointStart:
		p = firn.StartPoint()
	case firn.PointEnd:
		p = firn.EndPoint()
	case firn.PointRevision:
		p = firn.RevisionPoint(r.revision())
	case firn.PointPosition:
		p = firn.PositionPoint(r.position())
	case firn.PointMoment:
		p = firn.MomentPoint(time.UnixMicro(r.int()))
	}
	r.end(max(n-2, 0))
	return p
}

// consistency writes [local, at least].
func (w *writer) consistency(c firn.Consistency) {
	w.array(2)
	w.bool(c.Local)
	w.position(c.AtLeast)
}

func (r *reader) consistency() firn.Consistency {
	later := r.begin(2)
	c := firn.Consistency{Local: r.bool(), AtLeast: r.position()}
	r.end(later)
	return c
}
