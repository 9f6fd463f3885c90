package engine

import (
	"context"
	"math"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/planted"
)

// Follower reads what a subscription selects, in order of position, as far as
// the head has come. It reads a layer, then the next one or, at last, the open
// one from memory; what is visible of a stream is judged as of the moment when
// its layer is begun. Between two calls it holds nothing of Pebble's, and of the
// store at most one layer in memory, which [Follower.Rest] lets go of. It is
// for one goroutine at a time.
type Follower struct {
	// Set by Follow, then read only.
	e         *Engine
	stream    string // "": what scan is about
	types     typeFilter
	floor     firn.Position // nothing below is wanted, though it may be committed later
	floorTime int64         // µs, likewise
	revision  uint64        // of stream, the first one wanted

	at   firn.Position // everything wanted up to here was returned
	s    *seen         // what the pass under way goes by; nil: none is
	end  firn.Position // of the pass: the end of a layer, or the head
	src  source        // of the pass
	scan scanSource    // src, where it is not one stream's past
	out  []Followed
}

// Followed is one event of what a [Follower] returns.
type Followed struct {
	record.Stored
	Change bool // it is returned because it records a change of life
	End    bool // it is the last of its append
}

// Batch is what a [Follower] returns at once.
type Batch struct {
	Events  []Followed    // valid until the next call
	Through firn.Position // everything wanted up to here has been returned
	Whole   bool          // Through is known to be the end of an append
	Head    bool          // Through is the head, and nothing was to be returned
}

// Follow begins to follow what the query selects, at its From. History, bound
// and consistency are not looked at.
func (e *Engine) Follow(q firn.Query) (*Follower, error) {
	f := &Follower{
		e: e, stream: q.Stream, types: typesOf(&q), floorTime: math.MinInt64,
		scan: scanSource{e: e, types: typesOf(&q), follows: true},
	}
	if q.Stream == "" {
		f.scan.scope = scope{category: q.Category, prefixes: q.StreamPrefixes, system: q.System, changes: true}
	} else {
		f.scan.scope = scope{stream: q.Stream, changes: true}
	}
	f.scan.heads = f.scan.scope.heads()
	return f, f.begin(q.From)
}

// begin sets where the follower begins.
func (f *Follower) begin(from firn.Point) error {
	if err := f.e.enter(); err != nil {
		return err
	}
	defer f.e.leave()
	l := lookup{db: f.e.db, s: f.e.seen.Load()}
	defer l.close()
	head := l.s.p.head
	if planted.Is(planted.ResumedTooEarly) && from.Kind() == firn.PointPosition && from.Position() > 2 {
		from = firn.PositionPoint(from.Position() - 2) // the last two come again
	}
	switch from.Kind() {
	case firn.PointEnd:
		f.at = head
		return nil
	case firn.PointRevision:
		f.revision, f.at = uint64(from.Revision()), head
		next, err := l.nextAt(f.stream, head)
		if err != nil || next <= f.revision {
			return damage(err)
		}
		p, err := l.positionOf(f.stream, f.revision)
		f.at = p - min(p, 1)
		return damage(err)
	case firn.PointPosition:
		f.floor = from.Position()
	case firn.PointMoment:
		f.floorTime = record.Micros(from.Moment())
	}
	left, err := l.begin(from, false, head)
	f.at = min(left.from-1, head)
	return damage(err)
}

// Next returns what comes next: some events, or how far the follower has come
// without any. It does not wait at the head. now is the caller's clock, which
// ages are measured by. After an error the next call goes on where the last one
// that worked ended.
func (f *Follower) Next(ctx context.Context, now time.Time) (Batch, error) {
	if f.s == nil && !f.pass() {
		if err := f.e.interrupted(ctx); err != nil {
			return Batch{}, err
		}
		return Batch{Through: f.at, Whole: true, Head: true}, nil
	}
	found, err := f.fill(ctx, now)
	if err != nil {
		f.leave()
		return Batch{}, damage(err)
	}
	b := Batch{Events: f.out[:0]}
	for i := range found {
		if b.Events, err = f.take(b.Events, &found[i]); err != nil {
			f.leave()
			return Batch{}, err
		}
	}
	f.out = b.Events
	f.advance(found)
	b.Through, b.Whole = f.at, f.s == nil
	if n := len(b.Events); n > 0 && !b.Whole {
		b.Whole = b.Events[n-1].Position == f.at && b.Events[n-1].End
	}
	return b, nil
}

// pass begins a pass, unless the follower is at the head.
func (f *Follower) pass() bool {
	s := f.e.seen.Load()
	if f.at >= s.p.head {
		f.Rest()
		return false
	}
	if planted.Is(planted.HandOverLosesOne) && f.at > 0 && f.at+1 == s.tail.first { // the first event behind the sealed layers
		f.at++
	}
	f.s, f.end = s, s.p.head
	if f.at+1 >= s.tail.first {
		f.src = &f.scan
	} else if f.stream != "" {
		f.src, f.end = nil, s.tail.first-1
	} else if layer, ok := layerOf(s.sealed, f.at+1); ok {
		f.src, f.end = &f.scan, layer.last
	}
	f.scan.restart(positions{f.at + 1, f.end})
	return true
}

// leave ends the pass under way. One that has failed is begun again, for what it
// had come upon was not returned.
func (f *Follower) leave() {
	f.s, f.src = nil, nil
	f.scan.rest()
}

// fill returns the next events of the pass; none means that it is over.
func (f *Follower) fill(ctx context.Context, now time.Time) ([]located, error) {
	b := bound{position: f.s.p.head, time: record.Micros(now)}
	if f.src == nil {
		src, err := f.past(b)
		if err != nil {
			return nil, err
		}
		f.src = src
	}
	f.scan.bound = b
	return f.e.fill(ctx, f.s, f.src, batchEvents)
}

// advance notes how far the follower has come by what was found.
func (f *Follower) advance(found []located) {
	if len(found) == 0 {
		f.at = f.end
		if planted.Is(planted.HighWaterMark) { // what was committed during the pass counts as looked at
			f.at = f.e.seen.Load().p.head
		}
	} else if f.src == source(&f.scan) {
		f.at = f.scan.reached()
	} else {
		f.at = found[len(found)-1].node.Position
	}
	if f.at >= f.end {
		f.leave()
	}
}

// take adds an event to what is returned, if it is wanted.
func (f *Follower) take(out []Followed, found *located) ([]Followed, error) {
	d, err := record.ParseDraft(found.client)
	if err != nil {
		return nil, damagedRecord(&found.node, found.stream, err)
	}
	n := &found.node
	if n.Position < f.floor || n.Time < f.floorTime {
		return out, nil
	}
	change := f.scan.scope.isChange(found.stream)
	if !change && (!f.types.wants(d.Type) || f.stream != "" && uint64(n.Revision) < f.revision) {
		return out, nil
	}
	return append(out, Followed{
		Stored: record.Stored{Stream: found.stream, Position: n.Position, Bytes: found.stored},
		Change: change, End: n.Index+1 == n.Count,
	}), nil
}

// Rest lets go of the memory that the follower holds, so that others may have
// it. It may be called at any time between two calls of Next, and must be called
// in the end. Who has to wait for a consumer for long calls it; the next call
// begins the layer again where it was.
func (f *Follower) Rest() {
	f.scan.memory.rested = f.s != nil
	f.s, f.src = nil, nil
	f.scan.rest()
	f.scan.out, f.out = nil, nil
}

// Behind reports whether something is committed that was not looked at yet.
func (f *Follower) Behind() bool { return f.s != nil || f.at < f.e.seen.Load().p.head }

// Tombstone says that a stream's name is out of use, or nil.
func (e *Engine) Tombstone(stream string) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	l := lookup{db: e.db, s: e.seen.Load()}
	defer l.close()
	if l.s.p.totals.changes == 0 {
		return nil
	}
	_, newest, err := l.life(stream, l.s.p.head)
	if err == nil && newest != nil && newest.tombstoned > 0 {
		return tombstoned(stream, newest.tombstoned)
	}
	return damage(err)
}

// At returns the position up to which everything wanted was returned.
func (f *Follower) At() firn.Position { return f.at }
