package engine

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// check says what is wrong with an append by itself, or nil. The service has
// refused all of it before; but apply relies on nobody, for a bad item must
// fail by itself, on every replica alike. It leaves the drafts, parsed, in
// a.drafts, and their hashes in a.hashes.
func (a *applier) check(item *command.Append) error {
	a.drafts, a.hashes = a.drafts[:0], a.hashes[:0]
	if len(item.Writes) == 0 {
		return firn.Errorf(firn.ErrInvalid, "an append without writes; give it at least one draft or condition")
	}
	if len(item.Actor) > firn.ActorBytesMax {
		return firn.Errorf(firn.ErrInvalid, "the actor's name has %d bytes; at most %d are allowed", len(item.Actor), firn.ActorBytesMax)
	}
	bytes := 0
	for i := range item.Writes {
		w := &item.Writes[i]
		if err := a.checkStream(w); err != nil {
			return err
		}
		if err := a.checkDrafts(w); err != nil {
			return err
		}
		for _, r := range w.Records {
			bytes += len(r)
		}
	}
	if a.namedTwice(item.Writes) {
		return firn.Errorf(firn.ErrInvalid, "a stream stands in two of the append's %d writes; put its drafts into one", len(item.Writes))
	}
	if len(a.drafts) > firn.AppendEventsMax {
		return firn.Errorf(firn.ErrTooLarge, "an append of %d events; at most %d are allowed, send several appends", len(a.drafts), firn.AppendEventsMax)
	}
	if bytes > firn.AppendBytesMax {
		return firn.Errorf(firn.ErrTooLarge, "an append of %d bytes; at most %d are allowed, send several appends", bytes, firn.AppendBytesMax)
	}
	return nil
}

func (a *applier) checkStream(w *command.Write) error {
	if a.states.get(w.Stream) != nil {
		// Its name was checked when the state was loaded.
	} else if err := firn.CheckStreamName(string(w.Stream)); err != nil {
		return err
	}
	if len(w.Records) > 0 && w.Stream[0] == '$' {
		return firn.CheckWritable(string(w.Stream))
	}
	return nil
}

func (a *applier) checkDrafts(w *command.Write) error {
	first := len(a.drafts)
	for _, r := range w.Records {
		d, err := record.ParseDraft(r)
		if err != nil {
			return firn.Errorf(firn.ErrInvalid, "a draft for stream %.64q: %v", w.Stream, err)
		}
		if err := d.Check(); err != nil {
			return err
		}
		a.drafts = append(a.drafts, d)
		var hash uint64
		hash, a.hashBuf = hashInStream(a.hashBuf, w.Stream, d.ID)
		a.hashes = append(a.hashes, hash)
	}
	if id, twice := a.idTwice(a.drafts[first:]); twice {
		return firn.Errorf(firn.ErrInvalid, "two drafts for stream %.64q have the id %s; an id names one event", w.Stream, id)
	}
	return nil
}

// few is up to how many things are compared each with each.
const few = 16

func (a *applier) idTwice(drafts []record.Draft) (firn.ID, bool) {
	if len(drafts) <= few {
		for i := range drafts {
			for j := range i {
				if drafts[i].ID == drafts[j].ID {
					return drafts[i].ID, true
				}
			}
		}
		return firn.ID{}, false
	}
	clear(a.ids)
	for i := range drafts {
		a.ids[drafts[i].ID] = struct{}{}
		if len(a.ids) <= i {
			return drafts[i].ID, true
		}
	}
	return firn.ID{}, false
}

func (a *applier) namedTwice(writes []command.Write) bool {
	if len(writes) <= few {
		for i := range writes {
			for j := range i {
				if string(writes[i].Stream) == string(writes[j].Stream) {
					return true
				}
			}
		}
		return false
	}
	clear(a.names)
	for i := range writes {
		a.names[string(writes[i].Stream)] = struct{}{}
		if len(a.names) <= i {
			return true
		}
	}
	return false
}

// judge says what stands in the way of a write, or nil.
func (s *streamState) judge(w *command.Write) error {
	if s.tombstoned() {
		if w.Expect == firn.None && len(w.Records) == 0 {
			return nil // whoever only wants the stream not to be there has it so
		}
		return tombstoned(s.name, s.life.tombstoned)
	}
	return s.meets(w.Expect)
}

// meets says how the stream fails an expectation, or nil.
func (s *streamState) meets(want firn.Expectation) error {
	actual := firn.None
	if s.next > 0 {
		actual = firn.At(firn.Revision(s.next - 1))
	}
	met := false
	switch want {
	case firn.Any:
		met = true
	case firn.None:
		met = s.next == 0 || s.isDeleted()
	case firn.Exists:
		met = s.next > 0 && !s.isDeleted()
	default:
		met = want == actual
	}
	if met {
		return nil
	}
	return (&firn.ConflictError{Stream: s.name, Expected: want, Actual: actual, Deleted: s.isDeleted()}).Err()
}

// judgeChange says what stands in the way of a change, or nil.
func (s *streamState) judgeChange(expect firn.Expectation, life firn.Life) error {
	if s.tombstoned() {
		return tombstoned(s.name, s.life.tombstoned)
	}
	if err := s.meets(expect); err != nil {
		return err
	}
	truncate, isTruncate := life.(firn.Truncate)
	if _, isDelete := life.(firn.Delete); !isDelete && !isTruncate {
		return nil
	}
	switch {
	case s.next == 0:
		return notFound(s.name)
	case s.isDeleted():
		return deleted(s.name, s.life.deletedAt)
	case uint64(truncate.Before) > s.next:
		return firn.Errorf(firn.ErrInvalid, "truncate stream %q before revision %d: its next event gets revision %d; that is the most", s.name, truncate.Before, s.next)
	}
	return nil
}

func tombstoned(stream string, since firn.Position) *firn.Error {
	e := firn.Errorf(firn.ErrTombstoned, "the stream %q was tombstoned at position %d; its name is out of use for good, choose another", stream, since)
	e.Stream, e.Positions = stream, []firn.Position{since}
	return e
}

func deleted(stream string, since firn.Position) *firn.Error {
	e := firn.Errorf(firn.ErrDeleted, "the stream %q was deleted at position %d; read it as of an earlier point, or append to begin it again", stream, since)
	e.Stream, e.Positions = stream, []firn.Position{since}
	return e
}

func notFound(stream string) *firn.Error {
	e := firn.Errorf(firn.ErrNotFound, "there is no stream %q at this point; was it ever written, and is the name right?", stream)
	e.Stream = stream
	return e
}
