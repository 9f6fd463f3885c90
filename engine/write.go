package engine

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/planted"
)

// append judges an append and writes it. The order is: is it valid, was it
// made before, then for each write in turn whether the stream is tombstoned
// and whether its expectation holds. Everything is judged before anything is
// written, so an item that fails leaves no trace. own is the time that the events
// are to have where it is not that of the clock, else 0; it is judged last.
func (a *applier) append(micros, own int64, item *command.Append) (command.Result, error) {
	if err := a.check(item); err != nil {
		return command.Result{}, err
	}
	a.writes = a.writes[:0]
	for i := range item.Writes {
		s, err := a.state(item.Writes[i].Stream)
		if err != nil {
			return command.Result{}, err
		}
		a.writes = append(a.writes, s)
	}
	if done, repeated, err := a.repetition(item); repeated || err != nil {
		return command.Result{Appended: done}, err
	}
	for i := range item.Writes {
		if planted.Is(planted.OneWriteJudged) && i > 0 { // the others' expectations are not looked at
			break
		}
		if err := a.writes[i].judge(&item.Writes[i]); err != nil {
			return command.Result{}, err
		}
	}
	if len(a.drafts) == 0 {
		return command.Result{Appended: firn.Appended{Position: a.p.head}}, nil
	}
	if own != 0 {
		if err := firn.AppendTimeConflict(record.Time(own), record.Time(a.p.time), record.Time(micros)); err != nil {
			return command.Result{}, err
		}
		micros = own
	}
	done, err := a.write(micros, item)
	return command.Result{Appended: done}, err
}

// write writes all drafts. All events of one append carry one time.
func (a *applier) write(micros int64, item *command.Append) (firn.Appended, error) {
	done := firn.Appended{Time: record.Time(micros), Writes: make([]firn.Written, 0, len(item.Writes))}
	ids := make([]firn.ID, len(a.drafts))
	n := record.Node{Time: micros, Count: uint32(len(a.drafts)), Actor: item.Actor}
	for i := range item.Writes {
		records, s := item.Writes[i].Records, a.writes[i]
		if len(records) == 0 {
			continue
		}
		w := firn.Written{Stream: s.name, FirstRevision: firn.Revision(s.next), FirstPosition: a.p.head + 1}
		from := n.Index
		for _, draft := range records {
			ids[n.Index] = a.drafts[n.Index].ID
			if err := a.event(s, &n, &a.drafts[n.Index], draft); err != nil {
				return done, err
			}
			n.Index++
		}
		w.LastRevision, w.LastPosition = firn.Revision(s.next-1), a.p.head
		w.IDs = ids[from:n.Index:n.Index]
		done.Writes = append(done.Writes, w)
	}
	done.Position = a.p.head
	return done, nil
}

// event writes one event at the end of the store. Of the node part the caller
// has set the time, the actor and the place within the append; draft is the
// client part, and d the same, parsed.
func (a *applier) event(s *streamState, n *record.Node, d *record.Draft, draft []byte) error {
	stream, touched := a.tail.stream(s.name)
	if !touched {
		a.key = appendIndexKey(a.key[:0], s.name, s.next)
		a.value = appendNumber(a.value[:0], uint64(a.tail.layer))
		if err := a.set(a.key, a.value); err != nil {
			return err
		}
		stream = a.tail.touch(s.name)
	}
	system := firn.IsSystem(s.name)
	if s.next == 0 && system {
		a.p.totals.systemStreams++
	} else if s.next == 0 {
		a.p.totals.streams++
	}
	if system {
		a.p.totals.systemEvents++
	}

	a.p.head++
	n.Position, n.Revision, n.Digest = a.p.head, firn.Revision(s.next), record.DigestOf(draft)
	a.node = record.AppendNode(a.node[:0], s.name, n)
	a.key = appendEventKey(a.key[:0], a.tail.layer, s.name, s.next)
	op := a.batch.SetDeferred(len(a.key), len(a.node)+len(draft))
	copy(op.Key, a.key)
	copy(op.Value[copy(op.Value, a.node):], draft)
	if err := op.Finish(); err != nil {
		return err
	}
	s.lastID = a.tail.add(stream, n, d, op.Value)
	s.next++
	a.window.add(s.lastID, a.p.head)
	a.p.time = n.Time
	a.p.totals.bytes += uint64(len(op.Value))
	if len(a.tail.recs)%chunkEvents == 0 {
		return a.writeChunk(len(a.tail.recs) - chunkEvents)
	}
	return nil
}

// change judges a change of a stream's life and writes it: the event that
// records it, and the stream's new state at the same position.
func (a *applier) change(micros int64, item *command.Change) (command.Result, error) {
	if err := checkChange(string(item.Stream), item.ID, item.Life); err != nil {
		return command.Result{}, err
	}
	if len(item.Actor) > firn.ActorBytesMax {
		return command.Result{}, firn.Errorf(firn.ErrInvalid, "the actor's name has %d bytes; at most %d are allowed", len(item.Actor), firn.ActorBytesMax)
	}
	s, err := a.state(item.Stream)
	if err != nil {
		return command.Result{}, err
	}
	system, err := a.state([]byte(lifeStream(s.name)))
	if err != nil {
		return command.Result{}, err
	}
	gone := uint64(0)
	if _, limits := item.Life.(firn.Limits); limits && s.name != firn.CategoriesStream {
		if gone, err = a.gone(s.name); err != nil {
			return command.Result{}, err
		}
	}
	typ, data := lifeEvent(item.Life, s.next, gone)
	if done, repeated, err := a.repeatedChange(system, item, typ, data); repeated || err != nil {
		return command.Result{Appended: done}, err
	}
	if err := s.judgeChange(item.Expect, item.Life); err != nil {
		return command.Result{}, err
	}
	next, revision := s.next, system.next
	if err := a.systemEvent(system, micros, item.Actor, firn.Draft{ID: item.ID, Type: typ, ContentType: firn.JSON, Data: data}); err != nil {
		return command.Result{}, err
	}
	return command.Result{Appended: firn.Appended{Position: a.p.head, Time: record.Time(micros)}}, a.writeLife(s, item.Life, next, revision, gone)
}

// systemEvent writes an event of the system's own at the end of the store.
func (a *applier) systemEvent(system *streamState, micros int64, actor []byte, own firn.Draft) error {
	draft := record.AppendDraft(nil, &own)
	d, err := record.ParseDraft(draft)
	if err != nil {
		return firn.Errorf(firn.ErrInternal, "an event of type %q in stream %q: %v", own.Type, system.name, err)
	}
	return a.event(system, &record.Node{Time: micros, Count: 1, Actor: actor}, &d, draft)
}

// writeLife writes the new state of life. The limits of a category are kept as
// if they were those of a stream of their own.
func (a *applier) writeLife(s *streamState, life firn.Life, next, revision, gone uint64) error {
	if s.name == firn.CategoriesStream {
		a.p.totals.shared++
		var none *lifeState
		state := none.change(a.p.head, 0, life, revision, 0)
		a.key = appendLifeKey(a.key[:0], categoryLimit+life.(firn.Limits).Category, a.p.head)
		return a.set(a.key, state.append(nil))
	}
	a.p.totals.changes++
	s.life = s.life.change(a.p.head, next, life, revision, gone)
	a.key = appendLifeKey(a.key[:0], s.name, a.p.head)
	if err := a.set(a.key, s.life.append(nil)); err != nil {
		return err
	}
	return a.outlive(s, life)
}
