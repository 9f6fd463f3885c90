package bench

import (
	"bytes"
	"context"
	"math/rand/v2"

	"github.com/firndb/firn"
)

// loader is one client that reads whole streams.
type loader struct {
	store   firn.Store
	streams []string
	data    []byte // of every event
	random  *rand.Rand
}

// load is one call: a stream drawn from all of them, read to its end. Every
// field that a program would use is looked at, so that none of the work of
// getting it can be left out.
func (l *loader) load(ctx context.Context, lap func(events int) bool) error {
	stream := l.streams[l.random.IntN(len(l.streams))]
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
	if events != StreamEvents {
		return firn.Errorf(firn.ErrDamaged, "%q came with %d events; %d were written", stream, events, StreamEvents)
	}
	lap(events)
	return nil
}

// scanner is a client that reads everything in global order.
type scanner struct{ store firn.Store }

// scan is one call: everything from the first event, in pieces, so that a scan
// which takes longer than the run is measured too.
func (s scanner) scan(ctx context.Context, lap func(events int) bool) error {
	var events int
	var last firn.Position
	for e, err := range s.store.Read(ctx, firn.Query{All: true}) {
		if err != nil {
			return err
		}
		if e.Position <= last || e.ID.IsZero() || e.Type == "" || e.Time.IsZero() || e.Stream == "" {
			return firn.Errorf(firn.ErrDamaged, "position %d came after position %d (stream %.64q, type %.64q)", e.Position, last, e.Stream, e.Type)
		}
		last = e.Position
		if events++; events == ScanEvents {
			events = 0
			if !lap(ScanEvents) {
				return nil
			}
		}
	}
	if last == 0 {
		return firn.Errorf(firn.ErrInvalid, "there is nothing to scan: the store is empty")
	}
	if events > 0 {
		lap(events)
	}
	return nil
}
