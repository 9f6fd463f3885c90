package client

import (
	"context"
	"iter"
	"sync"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/wire"
)

// Read yields the events that the query selects; see [firn.Store]. The events
// of one frame (some 256 KiB) share its memory: who keeps one event of many for
// long had better copy its bytes.
func (c *Client) Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		if err := q.Check(); err != nil {
			yield(firn.Event{}, err)
			return
		}
		if err := ctx.Err(); err != nil {
			yield(firn.Event{}, err)
			return
		}
		r := reading{query: q, yield: yield}
		t := c.newTries(local(q.Consistency), "")
		for {
			over, err := r.attempt(ctx, &t)
			if over {
				return
			}
			if err == nil {
				err = errOverdue
			}
			again := t.again(ctx, err)
			if again && r.count > 0 {
				r.resume(&t)
				if r.complete {
					return
				}
			}
			if !again {
				yield(firn.Event{}, t.failure(ctx, err, &request{}))
				return
			}
		}
	}
}

func local(c firn.Consistency) bool { return c.Local || c.AtLeast > 0 }

// reading is a read under way, over as many connections as it takes.
type reading struct {
	query firn.Query // what is left of it for the next attempt
	yield func(firn.Event, error) bool

	count    uint64        // events yielded since query was made
	position firn.Position // of the last event yielded
	revision firn.Revision
	seen     firn.Position // what lies before it was yielded already; 0: nothing
	complete bool          // nothing is left
}

// decoders are kept from read to read, for the strings that they know.
var decoders = sync.Pool{New: func() any { return new(decoder) }}

type decoder struct {
	frame  wire.EventsReader
	event  record.Decoder
	faults map[firn.Position]*firn.Error // of events that are to come; nil: none
}

// release gives a decoder back.
func (d *decoder) release() {
	d.frame, d.faults = wire.EventsReader{}, nil // lets go of the last frame
	decoders.Put(d)
}

// fault takes a Faults frame.
func (d *decoder) fault(body []byte) error {
	var m wire.Faults
	if err := wire.ParseInto(&m, body); err != nil {
		return err
	}
	d.faults = make(map[firn.Position]*firn.Error, len(m.Faults))
	for _, f := range m.Faults {
		d.faults[f.Position] = &firn.Error{Kind: f.Kind, Message: f.Message, Positions: []firn.Position{f.Position}}
	}
	return nil
}

// decode makes an event of a record.
func (d *decoder) decode(stream string, record []byte) (firn.Event, error) {
	e, err := d.event.Event(stream, record)
	if d.faults != nil {
		if e.Fault = d.faults[e.Position]; e.Fault != nil {
			e.Fault.Stream = stream
		}
	}
	return e, err
}

// attempt reads until the end, or until the connection fails. over says that
// there is nothing more to do.
func (r *reading) attempt(ctx context.Context, t *tries) (over bool, err error) {
	m := wire.Read{Query: r.query, Credit: uint64(t.client.o.WindowBytes)}
	f, err := t.begin(ctx, wire.KindRead, m.AppendBody(nil))
	if err != nil {
		return false, err
	}
	defer f.end()
	return r.frames(ctx, t, f)
}

// frames yields the events of a call's frames until its end.
func (r *reading) frames(ctx context.Context, t *tries, f *flow) (over bool, err error) {
	d := decoders.Get().(*decoder)
	defer d.release()
	for {
		got, err := f.next(ctx, t.deadline)
		if err != nil {
			return false, err
		}
		switch got.kind {
		case wire.KindEnd:
			return true, nil
		case wire.KindEvents:
			if over, err := r.events(ctx, d, got.body); over || err != nil {
				return over, err
			}
			t.progress()
		case wire.KindFaults:
			if err := d.fault(got.body); err != nil {
				return false, err
			}
		default:
			return false, firn.Errorf(firn.ErrInternal, "among the events came %v", got.kind)
		}
	}
}

// events yields the events of one frame.
func (r *reading) events(ctx context.Context, d *decoder, body []byte) (over bool, err error) {
	d.frame.Reset(body)
	ended := ctx.Done()
	for {
		select {
		case <-ended:
			return false, ctx.Err()
		default:
		}
		stream, bytes, ok := d.frame.Next()
		if !ok {
			return false, d.frame.Err()
		}
		e, err := d.decode(stream, bytes)
		if err != nil {
			return false, err
		}
		if r.seen != 0 && (e.Position == r.seen || e.Position < r.seen != r.query.Backwards) {
			continue
		}
		r.count++
		r.position, r.revision = e.Position, e.Revision
		if !r.yield(e, nil) {
			return true, nil
		}
	}
}

// resume makes query what is left behind the last event yielded.
func (r *reading) resume(t *tries) {
	q := &r.query
	if t.local && t.pinned == "" {
		t.pinned = t.address // another node may be behind this one
	}
	if q.ByID() {
		// The events of one id are few: they are read again and passed over.
		r.seen = r.position
		r.complete = q.Limit > 0 && r.count >= q.Limit
		return
	}
	if q.Limit > 0 {
		q.Limit -= min(q.Limit, r.count)
		r.complete = q.Limit == 0
	}
	r.count = 0
	switch {
	case q.Stream != "" && q.Backwards:
		r.complete = r.complete || r.revision == 0
		q.From = firn.RevisionPoint(r.revision - 1)
	case q.Stream != "":
		q.From = firn.RevisionPoint(r.revision + 1)
	case q.Backwards:
		r.complete = r.complete || r.position <= 1
		q.From = firn.PositionPoint(r.position - 1)
	default:
		q.From = firn.PositionPoint(r.position + 1)
	}
}
