package engine

import (
	"context"
	"encoding/json"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// streams walks through the index and checks that each entry is right (3), and
// that a stream's layers follow each other without a gap in its revisions (2).
func (v *verifier) streams(ctx context.Context) error {
	it, err := v.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	var stream string
	var next uint64 // the revision after the last in the layer of the entry before
	var layer int64
	var buf []byte
	return v.each(ctx, []byte{prefixIndex}, []byte{prefixIndex + 1}, func(key, value []byte) error {
		raw, first, ok := parseNamed(key[1:])
		number, err := parseNumber(key, value)
		if !ok || err != nil {
			return v.fault(11, key, "", 0, "an entry of the index that is none: %v", err)
		}
		if string(raw) != stream {
			stream, next, layer = string(raw), 0, -1
			v.report.Streams++
			if firn.IsSystem(stream) {
				v.counted.systemStreams++
			} else {
				v.counted.streams++
			}
		}
		if first != next {
			if err := v.fault(2, key, stream, 0, "after revision %d the index goes on with revision %d", int64(next)-1, first); err != nil {
				return err
			}
		}
		if int64(number) <= layer || number > uint64(v.s.p.layer) {
			return v.fault(3, key, stream, 0, "the index goes on in layer %d after layer %d; the open one is %d", number, layer, v.s.p.layer)
		}
		layer = int64(number)
		last, stored, err := lastIn(it, buf, uint32(number), stream, maxRevision)
		if err != nil {
			return v.unreadable(key, err)
		}
		if stored == nil || last < first {
			r, err := removedFrom(v.db, uint32(number), stream)
			if err == nil && r.has(first) {
				next = r.end()
				return nil
			}
			return v.fault(3, key, stream, 0, "the index says that layer %d holds the stream from revision %d on; it does not", number, first)
		}
		next = last + 1
		return nil
	})
}

// lives walks through the states of life and checks each against the event
// that records the change (7), and that there is one for each such event.
func (v *verifier) lives(ctx context.Context) error {
	if len(v.report.Faults) > 0 {
		return nil // the events cannot be found by position then
	}
	l := &lookup{db: v.db, s: v.s}
	defer l.close()
	if err := v.loadTail(); err != nil {
		return err
	}
	var stream string
	var before *lifeState
	err := v.each(ctx, []byte{prefixLife}, []byte{prefixLife + 1}, func(key, value []byte) error {
		raw, _, ok := parseNamed(key[1:])
		state, err := parseLife(key, value)
		if !ok || err != nil {
			return v.fault(7, key, "", 0, "a state of life that is none: %v", err)
		}
		if string(raw) != stream {
			stream, before = string(raw), nil
		}
		err = v.life(l, key, stream, before, state)
		before = state
		return err
	})
	if err != nil {
		return err
	}
	events, err := v.lifeEvents(l)
	if err != nil {
		return err
	}
	if found := v.counted.changes + v.counted.shared; events != found {
		return v.fault(7, []byte{prefixLife}, "", 0, "%d events record changes of life, and there are %d states", events, found)
	}
	return nil
}

// loadTail reads the open layer, for looking up its events by position.
func (v *verifier) loadTail() error {
	p := &v.s.p
	tail, err := readOpen(v.db, p.layer, p.first, int(p.head-p.first+1))
	v.s.tail = tail
	return err
}

// life checks one state against the one before it and its event.
func (v *verifier) life(l *lookup, key []byte, stream string, before, state *lifeState) error {
	if state.position == 0 || state.position > v.s.p.head {
		return v.fault(7, key, stream, state.position, "a state of life at a position that is not there")
	}
	found, err := l.at(state.position)
	if err != nil {
		return v.unreadable(key, err)
	}
	d, err := record.ParseDraft(found.client)
	if err != nil {
		return err
	}
	life, gone, category, ok := lifeOf(string(d.Type), d.Data)
	system, next := lifeStream(stream), uint64(0)
	if category != "" {
		system, before = firn.CategoriesStream, nil
		v.counted.shared++
		ok = ok && stream == categoryLimit+category
	} else {
		v.counted.changes++
		if next, err = l.nextAt(stream, state.position); err != nil {
			return v.unreadable(key, err)
		}
	}
	if !ok || found.stream != system {
		return v.fault(7, key, stream, state.position, "at the position is an event of type %q in stream %q, which records no change of this stream", d.Type, found.stream)
	}
	want := before.change(state.position, next, life, uint64(found.node.Revision), gone)
	if string(d.Type) == firn.TypeMetadata && string(d.Data) == "null" && state.metadata > 0 {
		want.metadata = uint64(found.node.Revision) + 1 // somebody has set the metadata to null, which is not none
	}
	if *want != *state {
		return v.fault(7, key, stream, state.position, "the state is %+v; by the event and the state before it, it should be %+v", *state, *want)
	}
	return nil
}

// lifeOf returns the change that an event records, as far as it matters to the
// state of life, and what was gone for good by then.
func lifeOf(typ string, data []byte) (life firn.Life, gone uint64, category string, ok bool) {
	switch typ {
	case firn.TypeDeleted:
		return firn.Delete{}, 0, "", true
	case firn.TypeTombstoned:
		return firn.Tombstone{}, 0, "", true
	case firn.TypeMetadata:
		if string(data) == "null" {
			data = nil
		}
		return firn.Metadata{Data: data}, 0, "", true
	}
	var fields struct {
		Before   uint64 `json:"before"`
		Category string `json:"category"`
		MaxAge   int64  `json:"max_age_us"`
		MaxCount uint64 `json:"max_count"`
		Gone     uint64 `json:"gone_before"`
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, 0, "", false
	}
	switch typ {
	case firn.TypeTruncated:
		return firn.Truncate{Before: firn.Revision(fields.Before)}, 0, "", true
	case firn.TypeLimits:
		return firn.Limits{MaxAge: time.Duration(fields.MaxAge) * time.Microsecond, MaxCount: fields.MaxCount}, fields.Gone, fields.Category, true
	}
	return nil, 0, "", false
}

// lifeEvents counts the events that record changes: all that the system's
// streams of life hold.
func (v *verifier) lifeEvents(l *lookup) (uint64, error) {
	it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixIndex, '$'}, UpperBound: []byte{prefixIndex, '$' + 1}})
	if err != nil {
		return 0, err
	}
	defer it.Close()
	events := uint64(0)
	for ok := it.First(); ok; ok = it.NextPrefix() {
		raw, _, _ := parseNamed(it.Key()[1:])
		if name := string(raw); name == firn.CategoriesStream || len(name) > 2 && name[:2] == "$$" {
			n, err := l.nextAt(name, v.s.p.head)
			if err != nil {
				return 0, err
			}
			events += n
		}
	}
	return events, it.Error()
}
