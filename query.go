package firn

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Point is a place in time, inclusive: a revision of a stream, a position in
// the store, a moment, or the start or end. The zero Point is "not said".
type Point struct {
	kind PointKind
	n    uint64
	t    time.Time
}

// PointKind says what a [Point] counts in.
type PointKind uint8

// The kinds of points, as written to the wire.
const (
	PointNone     PointKind = iota // not said
	PointStart                     // before the first event
	PointEnd                       // after the last event
	PointRevision                  // a revision; only where one stream is asked about
	PointPosition                  // a position
	PointMoment                    // a moment: the last event not after it, or for a beginning the first not before it
)

func StartPoint() Point              { return Point{kind: PointStart} }
func EndPoint() Point                { return Point{kind: PointEnd} }
func RevisionPoint(r Revision) Point { return Point{kind: PointRevision, n: uint64(r)} }
func PositionPoint(p Position) Point { return Point{kind: PointPosition, n: uint64(p)} }

// MomentPoint returns a moment, cut to the microsecond that events carry.
func MomentPoint(t time.Time) Point {
	return Point{kind: PointMoment, t: t.UTC().Truncate(time.Microsecond)}
}

func (p Point) Kind() PointKind    { return p.kind }
func (p Point) IsZero() bool       { return p.kind == PointNone }
func (p Point) Revision() Revision { return Revision(p.n) }
func (p Point) Position() Position { return Position(p.n) }
func (p Point) Moment() time.Time  { return p.t }

// String returns the point as the command line takes it on a stream.
func (p Point) String() string {
	switch p.kind {
	case PointStart:
		return "start"
	case PointEnd:
		return "end"
	case PointRevision:
		return fmt.Sprint(p.n)
	case PointPosition:
		return fmt.Sprint("@", p.n)
	case PointMoment:
		return p.t.Format(time.RFC3339Nano)
	}
	return ""
}

// Consistency says what a read must have seen. The zero value is
// linearizable: every append acknowledged anywhere before the read began.
type Consistency struct {
	Local   bool     // answer from the node asked, which may lag
	AtLeast Position // first wait until that node has applied this position; implies Local where not 0
}

// Query selects events. Exactly one of Stream, Category, All, ID, Correlation and
// Causation is set.
type Query struct {
	Stream   string
	Category string
	All      bool
	ID       ID // the events with this id, in every stream

	Correlation string // the events with this correlation id, in every stream
	Causation   string // the events with this causation id, in every stream

	// Only events of these types, or whose types begin so; both empty: all.
	Types        []string
	TypePrefixes []string
	// All and Category: only streams whose names begin with one of these; empty: all.
	StreamPrefixes []string

	History   ID    // the history of the store that From was noted in; zero: not checked
	From      Point // first event, inclusive; zero: start, or end when Backwards
	Bound     Point // the past to read: nothing after it is seen; zero: the head
	Backwards bool
	Limit     uint64 // 0: none
	Raw       bool   // as stored, not upcast
	System    bool   // All and Category: also streams whose name begins with '$'

	Consistency Consistency
}

// StreamQuery selects streams, sorted by name.
type StreamQuery struct {
	Prefix   string // of the name
	Category string // "": all
	After    string // only names after this one, for paging
	Limit    uint64 // 0: none
	Bound    Point  // as of; zero: the head
	System   bool   // also names that begin with '$'

	Consistency Consistency
}

// Check says what is wrong with the query by itself, or nil. The error is an
// [Invalid] *Error.
func (q *Query) Check() error {
	targets := 0
	for _, set := range []bool{q.Stream != "", q.Category != "", q.All, !q.ID.IsZero(), q.Correlation != "", q.Causation != ""} {
		if set {
			targets++
		}
	}
	if targets != 1 {
		return Errorf(ErrInvalid, "a query names %d targets; name exactly one of stream, category, all, id, correlation and causation", targets)
	}
	if q.Stream != "" {
		if err := CheckStreamName(q.Stream); err != nil {
			return err
		}
	} else if q.From.kind == PointRevision || q.Bound.kind == PointRevision {
		return Errorf(ErrInvalid, "a revision is a place in one stream; use a position or a moment to read several streams")
	}
	if len(q.Correlation) > TraceBytesMax || len(q.Causation) > TraceBytesMax {
		return Errorf(ErrInvalid, "a correlation or causation id of %d bytes; they have at most %d", max(len(q.Correlation), len(q.Causation)), TraceBytesMax)
	}
	if len(q.StreamPrefixes) > 0 && q.Category == "" && !q.All {
		return Errorf(ErrInvalid, "prefixes of streams' names select among all streams or those of a category")
	}
	if slices.Contains(q.TypePrefixes, "") || slices.Contains(q.StreamPrefixes, "") {
		return Errorf(ErrInvalid, "an empty prefix selects everything; leave it out")
	}
	if q.Category != "" {
		return CheckCategory(q.Category)
	}
	return nil
}

// ByID reports whether the query selects events by an id that they carry, rather
// than by where they are.
func (q *Query) ByID() bool { return !q.ID.IsZero() || q.Correlation != "" || q.Causation != "" }

// WantsType reports whether the query selects events of a type.
func (q *Query) WantsType(typ string) bool {
	if len(q.Types) == 0 && len(q.TypePrefixes) == 0 {
		return true
	}
	return slices.Contains(q.Types, typ) || len(q.TypePrefixes) > 0 && anyPrefix(q.TypePrefixes, typ)
}

// anyPrefix reports whether a name begins with one of the prefixes; no prefixes
// means that every name does.
func anyPrefix(prefixes []string, name string) bool {
	return len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// Check says what is wrong with the query by itself, or nil.
func (q *StreamQuery) Check() error {
	if q.Bound.kind == PointRevision {
		return Errorf(ErrInvalid, "a revision is a place in one stream; list streams as of a position or a moment")
	}
	if q.Category != "" {
		return CheckCategory(q.Category)
	}
	return nil
}
