package engine

import (
	"cmp"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/planted"
)

// held is a stored event, as judging a repetition looks at it.
type held struct {
	node  record.Node
	draft []byte // the client part; nil for an event that was removed
	id    firn.ID
	hash  uint64 // of stream and id, of one that was removed: its id is not kept
}

// has reports whether the event, one of a stream, has an id, of which the hash with
// the stream is given.
func (h *held) has(id firn.ID, hash uint64) bool {
	if h.draft == nil {
		return h.hash == hash
	}
	return h.id == id
}

// repetition recognises an append that was made before. If all drafts are
// there already, with the same content and one behind the other, the answer is
// the first append's; if only some are, or an id stands for other content, it
// is an error. Conditions play no part: they held then, and need not hold now.
func (a *applier) repetition(item *command.Append) (firn.Appended, bool, error) {
	n := 0
	for i := range item.Writes {
		for j := range item.Writes[i].Records {
			h, err := a.earlier(&item.Writes[i], a.writes[i], n, j)
			if err != nil {
				return firn.Appended{}, false, err
			}
			if h != nil {
				return a.repeated(item)
			}
			n++
		}
	}
	return firn.Appended{}, false, nil
}

// repeated judges an append of which at least one event is stored.
func (a *applier) repeated(item *command.Append) (done firn.Appended, repeated bool, err error) {
	n, found, inOrder := 0, 0, true
	partial, reused := &firn.Error{Kind: firn.ErrPartialRepeat}, &firn.Error{Kind: firn.ErrIDReused}
	for i := range item.Writes {
		stream := a.writes[i].name
		var w firn.Written
		for j, draft := range item.Writes[i].Records {
			h, err := a.earlier(&item.Writes[i], a.writes[i], n, j)
			id := a.drafts[n].ID
			n++
			if err != nil {
				return firn.Appended{}, false, err
			}
			if h == nil {
				continue
			}
			if found == 0 {
				done.Time, partial.Stream = record.Time(h.node.Time), stream
			}
			found++
			partial.IDs = append(partial.IDs, id)
			if h.node.Digest != record.DigestOf(draft) {
				reused.Stream = cmp.Or(reused.Stream, stream)
				reused.IDs = append(reused.IDs, id)
				reused.Positions = append(reused.Positions, h.node.Position)
			}
			if len(w.IDs) == 0 {
				w = firn.Written{Stream: stream, FirstRevision: h.node.Revision, FirstPosition: h.node.Position}
			}
			w.LastRevision, w.LastPosition = h.node.Revision, h.node.Position
			w.IDs = append(w.IDs, id)
			inOrder = inOrder && h.node.Revision == w.FirstRevision+firn.Revision(j)
		}
		if len(w.IDs) > 0 {
			done.Writes = append(done.Writes, w)
			done.Position = max(done.Position, w.LastPosition)
		}
	}
	switch {
	case len(reused.IDs) > 0:
		reused.Message = firn.Errorf(reused.Kind, "stream %q holds the id %s at position %d with other content; a new event needs a new id",
			reused.Stream, reused.IDs[0], reused.Positions[0]).Message
		return firn.Appended{}, false, reused
	case found < n:
		partial.Message = firn.Errorf(partial.Kind, "%d of the append's %d events are already stored (the first is %s); repeat an append whole, or leave them out",
			found, n, partial.IDs[0]).Message
		return firn.Appended{}, false, partial
	case !inOrder:
		partial.Message = firn.Errorf(partial.Kind, "the append's %d events are all stored (the first is %s), but not one behind the other in this order; repeat an append as it was",
			n, partial.IDs[0]).Message
		return firn.Appended{}, false, partial
	}
	done.Repeated = true
	return done, true, nil
}

// earlier finds the stored event that a draft repeats: draft n of the append,
// draft j of its write. It is looked for by its id within the window and,
// where the expectation is an exact revision, however long ago, in the two
// places where a repetition would have put it: right behind that revision,
// and, where that is the stream's last, at the stream's end (a caller who lost
// the answer, then asked for the current revision, and sends the same again).
func (a *applier) earlier(w *command.Write, s *streamState, n, j int) (*held, error) {
	id := a.drafts[n].ID
	if planted.Is(planted.DedupOnlyOnConflict) && s.meets(w.Expect) == nil && w.Expect != firn.Any { // what is expected holds, so it is taken for new
		return nil, nil
	}
	h, err := a.inWindow(a.hashes[n], s.name, id)
	if h != nil || err != nil {
		return h, err
	}
	expected, exact := w.Expect.Exact()
	revision := uint64(expected)
	if !exact || revision >= s.next {
		return nil, nil
	}
	at := revision + 1 + uint64(j)
	if revision == s.next-1 {
		last := n + len(w.Records) - 1 - j
		if s.lastID != a.hashes[last] || uint64(len(w.Records)) > s.next+uint64(j) {
			return nil, nil
		}
		if h, err := a.heldAt(s.name, revision); err != nil || h == nil || h.id != a.drafts[last].ID {
			return nil, err
		}
		at = s.next + uint64(j) - uint64(len(w.Records))
	}
	if at >= s.next {
		return nil, nil
	}
	if h, err = a.heldAt(s.name, at); err != nil || h == nil || h.id != id {
		return nil, err
	}
	return h, nil
}

// inWindow finds the event with an id in a stream among the last positions.
// The window may hold a few more than it must; they are passed over, so that
// the answer does not depend on when this node was started.
func (a *applier) inWindow(hash uint64, stream string, id firn.ID) (h *held, err error) {
	a.window.find(hash, func(p firn.Position) bool {
		if uint64(p)+a.settings.Window <= uint64(a.p.head) {
			return true
		}
		var found *held
		if found, err = a.heldIn(stream, p); err != nil {
			return false
		}
		if found != nil && found.has(id, hash) {
			h = found
			return false
		}
		return true
	})
	return h, err
}

// repeatedChange recognises a change that was made before. What a delete
// records depends on the stream as it stood then, so there the type decides.
func (a *applier) repeatedChange(system *streamState, item *command.Change, typ string, data []byte) (done firn.Appended, repeated bool, err error) {
	var hash uint64
	hash, a.hashBuf = hashInStream(a.hashBuf, system.name, item.ID)
	h, err := a.inWindow(hash, system.name, item.ID)
	if h == nil || err != nil {
		return done, false, err
	}
	d, err := record.ParseDraft(h.draft)
	if err != nil {
		return done, false, damagedRecord(&h.node, system.name, err)
	}
	same := string(d.Type) == typ
	switch typ {
	case firn.TypeDeleted, firn.TypeTombstoned:
	case firn.TypeLimits: // what was gone then may be less than now
		_, gone, _, _ := lifeOf(typ, d.Data)
		_, data = lifeEvent(item.Life, 0, gone)
		fallthrough
	default:
		same = same && string(d.Data) == string(data)
	}
	if !same {
		return done, false, reusedID(system.name, h)
	}
	return firn.Appended{Position: h.node.Position, Time: record.Time(h.node.Time), Repeated: true}, true, nil
}

func reusedID(system string, h *held) error {
	e := firn.Errorf(firn.ErrIDReused, "stream %q holds the id %s at position %d with other content; a new change needs a new id", system, h.id, h.node.Position)
	e.Stream, e.IDs, e.Positions = system, []firn.ID{h.id}, []firn.Position{h.node.Position}
	return e
}
