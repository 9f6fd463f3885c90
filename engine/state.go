package engine

import (
	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// streamState is what judging an append needs to know of a stream. It is what
// the keys say, and only kept because finding it costs up to four seeks.
type streamState struct {
	name   string
	next   uint64     // the revision that the next event gets
	lastID uint64     // hash of stream and id of the last event, where next > 0
	life   *lifeState // the newest; nil: nothing ever happened to the stream as a whole
}

func (s *streamState) tombstoned() bool { return s.life != nil && s.life.tombstoned > 0 }
func (s *streamState) isDeleted() bool  { return s.life.isDeleted(s.next) }

// states keeps the states of the streams that were asked for last: at least
// the newest half of max. The states of one Apply call are all kept, for until
// its batch is committed they stand in no key.
type states struct {
	max        int
	young, old map[string]*streamState
	hits, miss uint64
}

// streamStateBytes is about what a state costs, with its name and its place in the map.
const streamStateBytes = 200

func newStates(bytes int64) *states {
	return &states{max: int(max(64, bytes/streamStateBytes)), young: map[string]*streamState{}}
}

func (c *states) get(name []byte) *streamState {
	if s, ok := c.young[string(name)]; ok {
		c.hits++
		return s
	}
	if s, ok := c.old[string(name)]; ok {
		c.young[s.name] = s
		c.hits++
		return s
	}
	return nil
}

func (c *states) put(s *streamState) { c.young[s.name] = s }

// trim is called between two batches.
func (c *states) trim() {
	if len(c.young) > c.max/2 {
		c.old, c.young = c.young, make(map[string]*streamState)
	}
}

// state returns the state of a stream, whose name has been checked.
func (a *applier) state(name []byte) (*streamState, error) {
	if s := a.states.get(name); s != nil {
		return s, nil
	}
	a.states.miss++
	s, err := a.loadState(string(name))
	if err != nil {
		return nil, err
	}
	a.states.put(s)
	return s, nil
}

// loadState reads a stream's state from the keys. The stream is not touched by
// the batch that is being built: its state would be cached.
func (a *applier) loadState(name string) (*streamState, error) {
	s := &streamState{name: name}
	it, err := a.iterator()
	if err != nil {
		return nil, err
	}
	a.key = appendIndexPrefix(a.key[:0], name)
	written := it.SeekPrefixGE(a.key)
	if err := it.Error(); err != nil {
		return nil, err
	}
	if written {
		if err := a.loadLast(s, it); err != nil {
			return nil, err
		}
	}
	if a.p.totals.changes > 0 {
		a.key = appendLifePrefix(a.key[:0], name)
		if it.SeekPrefixGE(a.key) {
			if s.life, err = lifeAt(it, a.key, name, maxPosition); err != nil {
				return nil, err
			}
		}
		if err := it.Error(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// loadLast finds the stream's last event: in its newest layer, right before
// where the next stream begins.
func (a *applier) loadLast(s *streamState, it *pebble.Iterator) error {
	layer, first, err := newestIndex(it, a.key, s.name, maxRevision)
	if err != nil {
		return err
	}
	var stored []byte
	var revision uint64
	if r := a.tail.newest(s.name); layer == a.tail.layer && r != nil {
		stored, revision = a.tail.bytesOf(r), r.revision
	} else if revision, stored, err = lastIn(it, a.key, layer, s.name, maxRevision); err != nil {
		return err
	}
	if stored == nil || revision < first {
		r, err := removedFrom(a.db, layer, s.name)
		if err == nil && !r.has(first) {
			err = firn.Errorf(firn.ErrDamaged, "stream %q should go on in layer %d from revision %d, but nothing is there; restore this node from another replica or a backup", s.name, layer, first)
		}
		if err == nil {
			s.next = r.end() // what was the last event is found by nobody, so its id does not matter
		}
		return err
	}
	n, draft, err := record.ParseNode(s.name, stored)
	if err != nil {
		return err
	}
	d, err := record.ParseDraft(draft)
	if err != nil {
		return firn.Errorf(firn.ErrDamaged, "event at position %d (stream %q, revision %d): %v", n.Position, s.name, n.Revision, err)
	}
	s.next = revision + 1
	s.lastID, a.hashBuf = hashInStream(a.hashBuf, s.name, d.ID)
	return nil
}

const maxRevision = ^uint64(0)

// indexSteps is how many entries of the index newestIndex walks over.
const indexSteps = 16

// newestIndex returns the newest i entry of a stream that begins at or below a
// revision. first is maxRevision where there is none.
//
// Most streams touch few layers. Their entries are walked through from the
// first on, for then bloom filters keep Pebble to the tables that have them;
// going back from the end would read a block of each.
func newestIndex(it *pebble.Iterator, buf []byte, stream string, revision uint64) (layer uint32, first uint64, err error) {
	buf = appendIndexKey(buf[:0], stream, revision)
	prefix := buf[:len(buf)-8]
	first = maxRevision
	ok := it.SeekPrefixGE(prefix)
	for step := 0; ok && step < indexSteps; step++ {
		nextLayer, next, err := indexEntry(it, prefix)
		if err != nil {
			return 0, maxRevision, err
		}
		if next > revision || next == maxRevision {
			return layer, first, nil
		}
		layer, first = nextLayer, next
		ok = it.Next()
	}
	if err := it.Error(); err != nil || !ok {
		return layer, first, err
	}
	if !it.SeekLT(append(buf, 0)) {
		return 0, maxRevision, it.Error()
	}
	return indexEntry(it, prefix)
}

// indexEntry reads the i entry that the iterator stands on. first is
// maxRevision where it is not one of the prefix's stream.
func indexEntry(it *pebble.Iterator, prefix []byte) (layer uint32, first uint64, err error) {
	key := it.Key()
	if len(key) != len(prefix)+8 || string(key[:len(prefix)]) != string(prefix) {
		return 0, maxRevision, nil
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, maxRevision, err
	}
	number, err := parseNumber(key, value)
	if err == nil && number > 1<<32-1 {
		err = damagedValue(key, value)
	}
	_, first, _ = parseNamed(key[1:])
	return uint32(number), first, err
}

// lastIn returns the stream's last event in a layer with a revision at or
// below the one given; stored is nil where there is none. It points into the
// iterator.
func lastIn(it *pebble.Iterator, buf []byte, layer uint32, stream string, revision uint64) (last uint64, stored []byte, err error) {
	buf = appendEventKey(buf[:0], layer, stream, revision)
	if !it.SeekLT(append(buf, 0)) {
		return 0, nil, it.Error()
	}
	key, prefix := it.Key(), len(buf)-8
	if len(key) != len(buf) || string(key[:prefix]) != string(buf[:prefix]) {
		return 0, nil, nil
	}
	stored, err = it.ValueAndErr()
	_, _, last, _ = parseEventKey(key)
	return last, stored, err
}
