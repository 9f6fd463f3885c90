package engine

import (
	"crypto/sha256"
	"hash"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// tail is the open layer, as apply sees it: the view that readers are handed,
// and what sealing the layer will need.
type tail struct {
	view
	index     map[string]uint32 // a stream's place in view.streams
	last      []uint32          // by stream: 1 + index of its newest record in the layer
	digest    hash.Hash         // SHA-256 over the records' digests
	sum       summary
	types     map[string]struct{} // those in sum.types
	firstTime int64
	hashBuf   []byte
}

func newTail(layer uint32, first firn.Position) *tail {
	return &tail{
		view:   view{layer: layer, first: first},
		index:  make(map[string]uint32),
		types:  make(map[string]struct{}),
		digest: sha256.New(),
	}
}

// snapshot returns the view as it is now, for readers.
func (t *tail) snapshot() *view {
	v := t.view
	return &v
}

// stream returns the place of a stream that the layer holds.
func (t *tail) stream(name string) (uint32, bool) {
	s, ok := t.index[name]
	return s, ok
}

// touch adds a stream to the layer.
func (t *tail) touch(name string) uint32 {
	s := uint32(len(t.streams))
	t.streams = append(t.streams, name)
	t.last = append(t.last, 0)
	t.index[name] = s
	if category := firn.Category(name); category != "" && !t.sum.categories.has(category) {
		t.sum.categories.add(category)
	}
	return s
}

func (n *names) add(name string) {
	if len(n.list) == summaryNamesMax {
		n.more = true
		return
	}
	n.list = append(n.list, name)
}

// add puts a record, whose parts are given parsed, at the end of the layer.
// It returns the hash by which the event is identified.
func (t *tail) add(stream uint32, n *record.Node, d *record.Draft, bytes []byte) uint64 {
	place := uint32(len(t.recs))
	if place == 0 {
		t.firstTime = n.Time
	}
	block, offset := t.store(bytes)
	t.recs = append(t.recs, rec{
		revision: uint64(n.Revision), time: n.Time, place: place, stream: stream,
		block: block, offset: offset, size: uint32(len(bytes)), before: t.last[stream],
	})
	t.last[stream] = place + 1
	t.digest.Write(n.Digest[:])
	if _, known := t.types[string(d.Type)]; !known && !t.sum.types.more {
		name := string(d.Type)
		t.sum.types.add(name)
		t.types[name] = struct{}{}
	}
	return t.identify(t.streams[stream], place, d)
}

// identify adds the hashes of an event's ids. It returns the one by which the
// event is identified.
func (t *tail) identify(stream string, place uint32, d *record.Draft) uint64 {
	var hash uint64
	hash, t.hashBuf = hashInStream(t.hashBuf, stream, d.ID)
	t.ids = append(t.ids, idEntry{hash, place<<2 | uint32(idInStream)}, idEntry{hashID(idAlone, d.ID[:]), place<<2 | uint32(idAlone)})
	if len(d.CorrelationID) > 0 {
		t.ids = append(t.ids, idEntry{hashID(idCorrelation, d.CorrelationID), place<<2 | uint32(idCorrelation)})
	}
	if len(d.CausationID) > 0 {
		t.ids = append(t.ids, idEntry{hashID(idCausation, d.CausationID), place<<2 | uint32(idCausation)})
	}
	return hash
}

// newest returns the stream's newest record in the layer, or nil.
func (t *tail) newest(stream string) *rec {
	if s, ok := t.index[stream]; ok && t.last[s] > 0 {
		return &t.recs[t.last[s]-1]
	}
	return nil
}

// before returns the stream's record before r in the layer, or nil.
func (v *view) before(r *rec) *rec {
	if r.before == 0 {
		return nil
	}
	return &v.recs[r.before-1]
}
