package bench

import (
	"bytes"
	"context"

	"github.com/firndb/firn"
)

// loader is one client that reads whole streams.
type loader struct {
	store   firn.Store
	length  int    // events of a stream
	data    []byte // of every event
	streams draw
}

// load is one call: a stream drawn from all of its sort, read to its end. Every
// field that a program would use is looked at, so that none of the work of
// getting it can be left out.
func (l *loader) load(ctx context.Context, lap func(events int) bool) error {
	stream := l.streams.one()
	var events int
	var last firn.Position
	for e, err := range l.store.Read(ctx, firn.Query{Stream: stream}) {
		if err != nil {
			return err
		}
		if e.Revision != firn.Revision(events) || e.Position <= last || e.ID.IsZero() || e.Type != eventType ||
			e.Time.IsZero() || !bytes.Equal(e.Data, l.data) {
			return firn.Errorf(firn.ErrDamaged, "event %d of %q came as revision %d, position %d after %d, type %.64q, %d bytes: not what was written",
				events, stream, e.Revision, e.Position, last, e.Type, len(e.Data))
		}
		last = e.Position
		events++
	}
	if events != l.length {
		return firn.Errorf(firn.ErrDamaged, "%q came with %d events; %d were written", stream, events, l.length)
	}
	lap(events)
	return nil
}

// scanner is a client that reads everything in global order.
type scanner struct{ store firn.Store }

// scan is one call: everything from the first event, in pieces, so that a scan
// which takes longer than the run is measured too.
func (s scanner) scan(ctx context.Context, lap func(events int) bool) error {
	p := pieces{lap: lap}
	for e, err := range s.store.Read(ctx, firn.Query{All: true}) {
		if err != nil {
			return err
		}
		if goOn, err := p.take(&e); err != nil || !goOn {
			return err
		}
	}
	return p.end()
}

// pieces divides events in order of position into laps of ScanEvents.
type pieces struct {
	lap    func(events int) bool
	events int // of the piece under way
	last   firn.Position
}

// take looks at an event; goOn is false when the run is over.
func (p *pieces) take(e *firn.Event) (goOn bool, err error) {
	if e.Position <= p.last || e.ID.IsZero() || e.Type == "" || e.Time.IsZero() || e.Stream == "" {
		return false, firn.Errorf(firn.ErrDamaged, "position %d came after position %d (stream %.64q, type %.64q)", e.Position, p.last, e.Stream, e.Type)
	}
	p.last = e.Position
	if p.events++; p.events < ScanEvents {
		return true, nil
	}
	p.events = 0
	return p.lap(ScanEvents), nil
}

// end counts what is left over.
func (p *pieces) end() error {
	if p.last == 0 {
		return firn.Errorf(firn.ErrInvalid, "there is nothing to read: no event came")
	}
	if p.events > 0 {
		p.lap(p.events)
	}
	return nil
}
