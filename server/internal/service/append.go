package service

import (
	"context"
	"errors"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// Append appends records, the client parts that the caller has encoded, on
// behalf of an actor. Errors and durability are those of [firn.Store.Append].
func (s *Service) Append(ctx context.Context, actor string, writes []command.Write) (firn.Appended, error) {
	return s.appendAt(ctx, actor, time.Time{}, writes)
}

// AppendAt appends records under a time of their own; see [firn.Dated].
func (s *Service) AppendAt(ctx context.Context, actor string, at time.Time, writes []command.Write) (firn.Appended, error) {
	if err := firn.CheckAppendTime(at); err != nil {
		return firn.Appended{}, err
	}
	return s.appendAt(ctx, actor, at, writes)
}

func (s *Service) appendAt(ctx context.Context, actor string, at time.Time, writes []command.Write) (firn.Appended, error) {
	start := s.options.Now()
	appended, events, err := s.append(ctx, actor, at, writes)
	s.options.Appended(events, s.options.Now().Sub(start), asError(err))
	return appended, err
}

func (s *Service) append(ctx context.Context, actor string, at time.Time, writes []command.Write) (done firn.Appended, events int, err error) {
	events, err = s.checkWrites(writes)
	if err == nil {
		err = s.checkSchemas(writes)
	}
	if err != nil {
		return firn.Appended{}, events, err
	}
	item := command.Append{Actor: []byte(actor), Writes: writes}
	var encoded []byte
	if at.IsZero() {
		encoded = command.AppendItem(nil, &item)
	} else {
		encoded = command.AppendItem(nil, &command.AppendAt{Micros: record.Micros(at), Append: item})
	}
	result, err := s.propose(ctx, encoded)
	if err != nil {
		return firn.Appended{}, events, withIDs(err, writes)
	}
	return result.Appended, events, nil
}

// propose brings one item into the log and returns what applying it answered.
func (s *Service) propose(ctx context.Context, item []byte) (command.Result, error) {
	r, err := s.current()
	if err != nil {
		return command.Result{}, err
	}
	result, err := r.Log.Propose(ctx, item)
	if err == nil && result.Err != nil {
		err = result.Err
	}
	return result, err
}

// checkWrites refuses what must not reach the log. What depends on the log's
// state, the engine judges when it applies the command.
func (s *Service) checkWrites(writes []command.Write) (events int, err error) {
	if len(writes) == 0 {
		return 0, firn.Errorf(firn.ErrInvalid, "an append without any write; give it at least one stream")
	}
	size := 0
	for i := range writes {
		w := &writes[i]
		events += len(w.Records)
		if events > s.options.AppendEventsMax {
			return events, firn.Errorf(firn.ErrTooLarge, "an append of more than %d events; split it", s.options.AppendEventsMax)
		}
		check := firn.CheckWritable
		if len(w.Records) == 0 {
			check = firn.CheckStreamName
		}
		if err := check(string(w.Stream)); err != nil {
			return events, err
		}
		for _, b := range w.Records {
			if size += len(b); size > s.options.AppendBytesMax {
				return events, firn.Errorf(firn.ErrTooLarge, "an append of more than %d bytes of records; split it", s.options.AppendBytesMax)
			}
			if err := s.checkRecord(b); err != nil {
				return events, err
			}
		}
	}
	return events, nil
}

func (s *Service) checkRecord(b []byte) error {
	d, err := record.ParseDraft(b)
	if err != nil {
		return err
	}
	if payload := len(d.Data) + len(d.Metadata); payload > s.options.EventBytesMax {
		return firn.Errorf(firn.ErrTooLarge, "an event of type %.64q has %d bytes of data and metadata; at most %d are allowed", d.Type, payload, s.options.EventBytesMax)
	}
	return d.Check()
}

// checkSchemas holds drafts against the schemas of their types and versions. A
// node that has not applied the newest definitions yet judges by those it has.
func (s *Service) checkSchemas(writes []command.Write) error {
	r, err := s.current()
	if err != nil {
		return err
	}
	sh := s.shapes(r.Engine)
	if len(sh.schemas) == 0 {
		return nil
	}
	for i := range writes {
		for _, b := range writes[i].Records {
			d, err := record.ParseDraft(b)
			if err == nil {
				err = sh.fits(string(writes[i].Stream), &d)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// withIDs adds to an unknown outcome the ids that make a repetition safe.
func withIDs(err error, writes []command.Write) error {
	e := asError(err)
	if e == nil || e.Kind != firn.ErrUnknown {
		return err
	}
	known := *e
	known.IDs = nil
	for i := range writes {
		for _, b := range writes[i].Records {
			if d, err := record.ParseDraft(b); err == nil {
				known.IDs = append(known.IDs, d.ID)
			}
		}
	}
	return &known
}

// asError returns err as an *Error, nil for nil. A context's own error counts
// as a timeout.
func asError(err error) *firn.Error {
	var e *firn.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return firn.Errorf(firn.ErrTimeout, "%v", err)
	}
	return firn.Errorf(firn.ErrInternal, "%v", err)
}

// Change changes a stream's life. The id makes a repetition recognisable; it is
// that of the event which records the change.
func (s *Service) Change(ctx context.Context, actor string, id firn.ID, stream string, expect firn.Expectation, life firn.Life) (firn.Position, error) {
	if err := firn.CheckStreamName(stream); err != nil {
		return 0, err
	}
	if err := s.checkLife(stream, life); err != nil {
		return 0, err
	}
	if id.IsZero() {
		return 0, firn.Errorf(firn.ErrInvalid, "a change to stream %.64q has no id", stream)
	}
	item := command.AppendItem(nil, &command.Change{Actor: []byte(actor), ID: id, Stream: []byte(stream), Expect: expect, Life: life})
	result, err := s.propose(ctx, item)
	if e := asError(err); e != nil && e.Kind == firn.ErrUnknown {
		known := *e
		known.IDs = []firn.ID{id}
		err = &known
	}
	return result.Appended.Position, err
}

func (s *Service) checkLife(stream string, life firn.Life) error {
	switch l := life.(type) {
	case firn.Limits:
		if l.MaxAge < 0 || l.MaxAge%time.Microsecond != 0 {
			return firn.Errorf(firn.ErrInvalid, "a max age of %v; give a positive duration in whole microseconds", l.MaxAge)
		}
		if (l.Category != "") != (stream == firn.CategoriesStream) {
			return firn.Errorf(firn.ErrInvalid, "limits name a category exactly when they are set on the stream %q", firn.CategoriesStream)
		}
		if l.Category != "" {
			return firn.CheckCategory(l.Category)
		}
	case firn.Metadata:
		if len(l.Data) > s.options.EventBytesMax {
			return firn.Errorf(firn.ErrTooLarge, "metadata of %d bytes; at most %d are allowed", len(l.Data), s.options.EventBytesMax)
		}
	case nil:
		return firn.Errorf(firn.ErrInvalid, "a change to stream %.64q that does not say what to change", stream)
	}
	return nil
}
