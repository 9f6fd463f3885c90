package engine

import (
	"bytes"
	"context"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// Swept says what sweeping removed, or would.
type Swept struct {
	Layers uint64 // looked through
	Of     uint64 // that there are
	Events uint64
	Bytes  uint64 // of their records
}

// Scavenged returns the position of the newest scavenge, 0 where there is none,
// and whether this node has removed all that is gone by it.
func (e *Engine) Scavenged() (p firn.Position, swept bool) {
	p = e.seen.Load().scavengedAt()
	return p, e.swept.Load() >= uint64(p)
}

func (s *seen) scavengedAt() firn.Position {
	if len(s.scavenges) == 0 {
		return 0
	}
	return s.scavenges[len(s.scavenges)-1].position
}

// Sweep removes the bytes of what is gone by the newest scavenge, layer by layer. It
// may be ended at any time, and begins again where it was: a layer is swept in one
// batch, and no reader notices. Nothing that apply answers depends on it, and what
// is left of each event is in r. pace is called after each layer, with what was
// read and written for it so far, and ends the sweep by an error.
func (e *Engine) Sweep(ctx context.Context, pace func(ctx context.Context, done Swept, bytes uint64) error) (Swept, error) {
	p, swept := e.Scavenged()
	if swept {
		return Swept{}, nil
	}
	w := &sweep{e: e, pace: pace}
	if err := w.run(ctx, func(l *lookup, name string) (uint64, error) {
		_, newest, err := l.life(name, l.s.p.head)
		if err != nil {
			return 0, err
		}
		return l.gone(name, newest)
	}); err != nil {
		return w.done, damage(err)
	}
	return w.done, e.noteSwept(p)
}

// Sweepable counts what a scavenge now would let each node remove. now is the
// caller's clock.
func (e *Engine) Sweepable(ctx context.Context, now int64, pace func(ctx context.Context, done Swept, bytes uint64) error) (Swept, error) {
	w := &sweep{e: e, pace: pace, dry: true}
	err := w.run(ctx, func(l *lookup, name string) (uint64, error) {
		st, err := l.status(name, bound{position: l.s.p.head, time: now})
		return st.first, err
	})
	return w.done, damage(err)
}

// noteSwept notes durably enough, with what was removed, that all that is gone by
// a scavenge is removed.
func (e *Engine) noteSwept(p firn.Position) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	if err := e.db.Set(metaKey(metaSwept), appendNumber(nil, uint64(p)), pebble.NoSync); err != nil {
		return err
	}
	e.swept.Store(uint64(p))
	return nil
}

// sweep goes through the sealed layers.
type sweep struct {
	e    *Engine
	pace func(ctx context.Context, done Swept, bytes uint64) error
	dry  bool
	done Swept
}

// compactLayers is after how many layers from which something was removed their
// files are written anew.
const compactLayers = 8

func (w *sweep) run(ctx context.Context, gone func(l *lookup, name string) (uint64, error)) error {
	seen := w.e.seen.Load()
	layers := seen.sealed
	if p := &seen.p; w.dry && p.first <= p.head { // a scavenge will end the open layer
		layers = append(layers[:len(layers):len(layers)], sealed{number: p.layer, first: p.first, last: p.head})
	}
	w.done.Of = uint64(len(layers))
	var touched []uint32
	for i := range layers {
		before := w.done.Events
		bytes, err := w.layer(ctx, &layers[i], gone)
		if err != nil {
			return err
		}
		w.done.Layers++
		if w.done.Events > before && !w.dry {
			touched = append(touched, layers[i].number)
		}
		if len(touched) >= compactLayers || i == len(layers)-1 {
			written, err := w.compact(ctx, touched)
			if err != nil {
				return err
			}
			touched, bytes = touched[:0], bytes+written
		}
		if err := w.pace(ctx, w.done, bytes); err != nil {
			return err
		}
	}
	return nil
}

// compact has the files of the layers written anew, without what was removed.
func (w *sweep) compact(ctx context.Context, touched []uint32) (written uint64, err error) {
	for len(touched) > 0 {
		n := 1 // neighbours at once
		for n < len(touched) && touched[n] == touched[n-1]+1 {
			n++
		}
		lower, upper := appendLayerKey(nil, prefixEvent, touched[0]), appendLayerKey(nil, prefixEvent, touched[n-1]+1)
		if err := w.e.compact(ctx, lower, upper); err != nil {
			return written, err
		}
		size, err := w.e.db.EstimateDiskUsage(lower, upper)
		if err != nil {
			return written, err
		}
		written, touched = written+size, touched[n:]
	}
	return written, nil
}

func (e *Engine) compact(ctx context.Context, lower, upper []byte) error {
	if err := e.enter(); err != nil {
		return err
	}
	defer e.leave()
	return e.db.Compact(ctx, lower, upper, false)
}

// layer removes from one layer what is gone, and returns about how much was read.
func (w *sweep) layer(ctx context.Context, s *sealed, gone func(l *lookup, name string) (uint64, error)) (read uint64, err error) {
	if err := w.e.enter(); err != nil {
		return 0, err
	}
	defer w.e.leave()
	seen := w.e.seen.Load()
	if !seen.hides() {
		return 0, nil
	}
	l := &lookup{db: w.e.db, s: seen}
	defer l.close()
	it, err := layerKeys(w.e.db, prefixEvent, s.number)
	if err != nil {
		return 0, err
	}
	defer it.Close()
	m := &removal{db: w.e.db, sealed: s, inWindow: uint64(s.last)+seen.settings.Window > uint64(seen.p.head), places: map[uint32]bool{}}
	if !w.dry {
		m.batch = w.e.db.NewBatch()
		defer m.batch.Close()
	}
	for ok := it.First(); ok; {
		if err := w.e.interrupted(ctx); err != nil {
			return read, err
		}
		_, raw, first, valid := parseEventKey(it.Key())
		if !valid {
			return read, damagedKey(it.Key())
		}
		if name := string(raw); !firn.IsSystem(name) {
			end, err := gone(l, name)
			if err != nil {
				return read, err
			}
			if end > first {
				if ok, err = w.stream(it, m, name, first, end); err != nil {
					return read, err
				}
				read += m.bytes
				if !ok {
					break
				}
				if _, next, _, _ := parseEventKey(it.Key()); string(next) != name {
					continue
				}
			}
		}
		ok = it.NextPrefix()
	}
	if err := it.Error(); err != nil || w.dry || len(m.places) == 0 {
		return read, err
	}
	if err := m.ids(); err != nil {
		return read, err
	}
	if err := m.batch.Commit(pebble.NoSync); err != nil {
		return read, err
	}
	w.e.layers.forget(s.number)
	return read, nil
}

// stream removes a stream's events below a revision from a layer. The iterator
// stands on the first; it is left behind the last, ok says whether on something.
func (w *sweep) stream(it *pebble.Iterator, m *removal, name string, first, end uint64) (ok bool, err error) {
	if err := m.begin(name, first); err != nil {
		return false, err
	}
	for ok = true; ok; ok = it.Next() {
		_, raw, revision, valid := parseEventKey(it.Key())
		if !valid || string(raw) != name || revision >= end {
			break
		}
		if w.dry {
			value := it.LazyValue()
			m.bytes += uint64(value.Len())
			w.done.Events, w.done.Bytes = w.done.Events+1, w.done.Bytes+uint64(value.Len())
			continue
		}
		value, err := it.ValueAndErr()
		if err == nil {
			err = m.take(revision, value)
		}
		if err != nil {
			return false, err
		}
		w.done.Events, w.done.Bytes = w.done.Events+1, w.done.Bytes+uint64(len(value))
	}
	if w.dry {
		return ok, it.Error()
	}
	return ok, m.end()
}

// removal makes the batch that removes events from one layer.
type removal struct {
	db       *pebble.DB
	batch    *pebble.Batch
	sealed   *sealed
	inWindow bool
	places   map[uint32]bool // of all that is removed; true: the hash of its id is kept

	name  string
	left  *removed // of the stream under way
	from  uint64   // the first revision that is removed now
	bytes uint64   // of the stream's records

	hashBuf []byte
}

// rangeMin is from how many events on a range of keys is removed as one.
const rangeMin = 8

func (m *removal) begin(name string, first uint64) (err error) {
	m.name, m.from, m.bytes = name, first, 0
	if m.left, err = removedFrom(m.db, m.sealed.number, name); err != nil {
		return err
	}
	if m.left == nil {
		m.left = &removed{first: first}
		if m.inWindow {
			m.left.hashes = []uint64{}
		}
	}
	if m.left.end() != first {
		return missing(name, m.left.end(), "in layer %d what was removed ends before it, and the next event is of revision %d", m.sealed.number, first)
	}
	return nil
}

// take takes one event.
func (m *removal) take(revision uint64, stored []byte) error {
	n, draft, err := record.ParseNode(m.name, stored)
	if err != nil {
		return err
	}
	if uint64(n.Revision) != revision || revision != m.left.end() {
		return missing(m.name, m.left.end(), "after its neighbour in layer %d comes revision %d", m.sealed.number, revision)
	}
	d, err := record.ParseDraft(draft)
	if err != nil {
		return damagedRecord(&n, m.name, err)
	}
	m.left.events = append(m.left.events, removedEvent{n.Position, n.Time, n.Digest})
	if m.left.hashes != nil {
		var hash uint64
		hash, m.hashBuf = hashInStream(m.hashBuf, m.name, d.ID)
		m.left.hashes = append(m.left.hashes, hash)
	}
	m.left.bytes += uint64(len(stored))
	m.bytes += uint64(len(stored))
	m.places[uint32(n.Position-m.sealed.first)] = m.left.hashes != nil
	return nil
}

// end writes what is left of the stream.
func (m *removal) end() error {
	end := m.left.end()
	if end-m.from >= rangeMin {
		if err := m.batch.DeleteRange(appendEventKey(nil, m.sealed.number, m.name, m.from), appendEventKey(nil, m.sealed.number, m.name, end), nil); err != nil {
			return err
		}
	} else {
		for revision := m.from; revision < end; revision++ {
			if err := m.batch.Delete(appendEventKey(nil, m.sealed.number, m.name, revision), nil); err != nil {
				return err
			}
		}
	}
	key := appendRemovedKey(nil, m.sealed.number, m.name)
	return m.batch.Set(key, m.left.append(nil, key), nil)
}

// ids removes what was removed from the layer's table of ids. The hashes by which
// a repetition is found stay where r has them too.
func (m *removal) ids() error {
	it, err := layerKeys(m.db, prefixIDs, m.sealed.number)
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		entries, err := parseIDs(nil, it.Key(), value)
		if err != nil {
			return err
		}
		kept := slices.DeleteFunc(slices.Clone(entries), func(e idEntry) bool {
			id, gone := m.places[e.place>>2]
			return gone && !(id && e.kind() == idInStream)
		})
		if len(kept) == len(entries) {
			continue
		}
		if err := m.batch.Set(bytes.Clone(it.Key()), appendIDs(nil, kept), nil); err != nil {
			return err
		}
	}
	return it.Error()
}

// forget lets go of a layer of which something was removed.
func (c *layerCache) forget(layer uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element := c.byNo[layer]; element != nil && element.Value.(*cachedLayer).bytes > 0 {
		c.remove(element)
	}
}
