package engine

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// Cut makes the store in a directory what it was when a position was its head:
// its newest events go, with every key that follows from them, so that what is
// left is, byte for byte, what a store would hold whose log had ended there. It
// is for a copy of a store that no replica knows. Some things do not follow from
// events:
//
//   - The applied index stays, and the hash chain goes on from another value:
//     which entries the log had up to the position is not known any more.
//   - Consumer groups stand where then says that they stood, see [Groups].
//   - What was scavenged later, and removed from this copy, does not come back: a
//     position at which it would be seen is refused.
//   - Snapshots of states that are still there stay, but for those of which it is
//     not sure that they are complete. Those that were thinned out since, or went
//     with their stream, do not come back.
//
// A cut that is interrupted leaves a store that is neither; the caller throws it
// away. Errors: ErrInvalid for a position that is not the end of an append, or
// beyond the head, or since which events from before were scavenged and removed.
func Cut(dir string, o Options, to firn.Position, then *Groups) (err error) {
	e, err := Open(dir, o)
	if err != nil {
		return err
	}
	defer func() {
		if closing := e.Close(); err == nil {
			err = closing
		}
	}()
	c := &cutter{db: e.db, s: e.seen.Load(), a: e.a, to: to, p: e.a.p}
	if to == 0 || to > c.p.head {
		return firn.Errorf(firn.ErrInvalid, "a store of positions 1 to %d cannot be cut at position %d", c.p.head, to)
	}
	if to == c.p.head && then == nil {
		return nil
	}
	return damage(c.cut(then))
}

// cutter takes a store back to a position.
type cutter struct {
	db *pebble.DB
	s  *seen    // the store as it is
	a  *applier // writes what is left
	to firn.Position
	p  progress // as it will be
}

func (c *cutter) cut(then *Groups) error {
	c.a.batch = c.db.NewBatch()
	defer c.a.release()
	if c.to < c.p.head {
		if err := c.log(); err != nil {
			return err
		}
	}
	if err := c.groups(then); err != nil {
		return err
	}
	// No replica must take the store for one that its log has led to.
	var mark [16]byte
	binary.BigEndian.PutUint64(mark[:], c.p.chain)
	binary.BigEndian.PutUint64(mark[8:], uint64(c.to))
	c.p.chain = xxhash.Sum64(mark[:])
	chains := append(metaKey(metaChain), nameEnd)
	if err := c.a.batch.DeleteRange(chains, prefixEnd(chains), nil); err != nil {
		return err
	}
	if err := c.a.set(metaKey(metaApplied), c.p.append(nil)); err != nil {
		return err
	}
	return c.a.batch.Commit(pebble.NoSync)
}

// log takes the events back, and what follows from them.
func (c *cutter) log() error {
	l := &lookup{db: c.db, s: c.s}
	defer l.close()
	last, err := l.at(c.to)
	if err != nil {
		return err
	}
	if last.node.Index+1 < last.node.Count {
		first := c.to - firn.Position(last.node.Index)
		return firn.Errorf(firn.ErrInvalid, "position %d is inside of the append of positions %d to %d, which is there whole or not at all; give %d or %d",
			c.to, first, first+firn.Position(last.node.Count)-1, first-1, first+firn.Position(last.node.Count)-1)
	}
	c.p.head, c.p.time = c.to, last.node.Time
	if err := c.events(); err != nil {
		return err
	}
	if err := c.layers(); err != nil {
		return err
	}
	if err := c.scavenges(l); err != nil {
		return err
	}
	return c.snapshots(l)
}

// events removes what follows from each event behind the position, layer by
// layer, and takes it out of the totals. The position's layer becomes the open
// one, unless the position was its last.
func (c *cutter) events() error {
	open := sealed{number: c.s.p.layer, first: c.s.p.first, last: c.s.p.head}
	for _, s := range append(c.s.sealed[:len(c.s.sealed):len(c.s.sealed)], open) {
		if s.last <= c.to {
			c.p.layer, c.p.first = s.number+1, s.last+1
			continue
		}
		if s.first <= c.to {
			c.p.layer, c.p.first = s.number, s.first
		}
		if err := c.layer(&s); err != nil {
			return err
		}
	}
	return nil
}

func (c *cutter) layer(s *sealed) error {
	b := c.db.NewBatch()
	defer b.Close()
	v, err := readSealed(c.db, s)
	if err != nil {
		return err
	}
	gone := map[string]bool{} // streams of which the layer's first events were removed
	err = eachRemoved(c.db, s.number, func(stream string, r *removed) error {
		if s.first <= c.to {
			return c.removedSince(stream, r)
		}
		gone[stream] = true
		c.p.totals.bytes -= r.bytes
		if r.first == 0 {
			c.p.totals.streams--
		}
		return b.Delete(appendIndexKey(nil, stream, r.first), nil)
	})
	if err != nil {
		return err
	}
	touched := make([]bool, len(v.streams))
	var key []byte
	for i := range v.recs {
		r := &v.recs[i]
		name := v.streams[r.stream]
		begins := !touched[r.stream] && !gone[name] // the stream's first event in the layer
		touched[r.stream] = true
		p := s.first + firn.Position(r.place)
		if p <= c.to {
			continue
		}
		if begins {
			key = appendIndexKey(key[:0], name, r.revision)
			err = b.Delete(key, nil)
		}
		if err == nil && s.first <= c.to {
			key = appendEventKey(key[:0], s.number, name, r.revision)
			err = b.Delete(key, nil)
		}
		if err == nil {
			err = c.event(b, name, r, v.bytesOf(r), p)
		}
		if err != nil {
			return err
		}
	}
	return b.Commit(pebble.NoSync)
}

// event removes what one event has led to outside of its layer.
func (c *cutter) event(b *pebble.Batch, stream string, r *rec, stored []byte, p firn.Position) error {
	t := &c.p.totals
	t.bytes -= uint64(r.size)
	if !firn.IsSystem(stream) {
		if r.revision == 0 {
			t.streams--
		}
		return nil
	}
	t.systemEvents--
	if r.revision == 0 {
		t.systemStreams--
	}
	switch {
	case stream == firn.DefinitionsStream:
		of, err := recorded(stream, stored)
		if err != nil {
			return err
		}
		for _, class := range command.Classes() {
			if class.String() == of.Class {
				return b.Delete(appendDefinedKey(nil, class, of.Name, p), nil)
			}
		}
		return firn.Errorf(firn.ErrUnsupported, "the event at position %d records a definition of class %.40q, which this release does not know; use a later one", p, of.Class)
	case stream == firn.CategoriesStream:
		of, err := recorded(stream, stored)
		if err != nil {
			return err
		}
		t.shared--
		return b.Delete(appendLifeKey(nil, categoryLimit+of.Category, p), nil)
	case strings.HasPrefix(stream, lifeStream("")):
		t.changes--
		return b.Delete(appendLifeKey(nil, strings.TrimPrefix(stream, lifeStream("")), p), nil)
	}
	return nil
}

// recordedChange is what the system's own events say that they have changed.
type recordedChange struct {
	Class    string `json:"class"`
	Name     string `json:"name"`
	Category string `json:"category"`
}

func recorded(stream string, stored []byte) (of recordedChange, err error) {
	n, client, err := record.ParseNode(stream, stored)
	if err != nil {
		return of, err
	}
	d, err := record.ParseDraft(client)
	if err == nil {
		err = json.Unmarshal(d.Data, &of)
	}
	if err != nil {
		return of, damagedRecord(&n, stream, err)
	}
	return of, nil
}

// layers removes the layers behind the position, and of the one that is open
// again what only a sealed one has.
func (c *cutter) layers() error {
	var errs []error
	remove := func(from, to []byte) { errs = append(errs, c.a.batch.DeleteRange(from, to, nil)) }
	behind := c.p.layer + 1
	if c.p.first > c.to {
		behind-- // the open layer has no events
	}
	for _, prefix := range []byte{prefixEvent, prefixLayer, prefixChunk, prefixIDs, prefixRemoved} {
		remove(appendLayerKey(nil, prefix, behind), []byte{prefix + 1})
	}
	for _, prefix := range []byte{prefixLayer, prefixIDs} {
		remove(appendLayerKey(nil, prefix, c.p.layer), appendLayerKey(nil, prefix, c.p.layer+1))
	}
	whole := firn.Position(chunkEvents) * ((c.to + 1 - c.p.first) / chunkEvents) // events of its complete lists
	remove(appendChunkKey(nil, c.p.layer, c.p.first+whole), appendLayerKey(nil, prefixChunk, c.p.layer+1))
	return errors.Join(errs...)
}
