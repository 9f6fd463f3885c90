package service

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// Store is all that a service offers to callers in its process.
type Store interface {
	firn.Store
	firn.Snapshots
	firn.Groups
	firn.Definitions
	firn.History
	firn.Dated
}

// Store returns the service for callers in this process, on behalf of an actor.
func (s *Service) Store(actor string) Store { return store{s, actor} }

type store struct {
	service *Service
	actor   string
}

func (s store) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	encoded, err := encode(ctx, writes)
	if err != nil {
		return firn.Appended{}, err
	}
	return s.service.Append(ctx, s.actor, encoded)
}

func (s store) AppendAt(ctx context.Context, at time.Time, writes ...firn.Write) (firn.Appended, error) {
	encoded, err := encode(ctx, writes)
	if err != nil {
		return firn.Appended{}, err
	}
	return s.service.AppendAt(ctx, s.actor, at, encoded)
}

// encode encodes each draft once.
func encode(ctx context.Context, writes []firn.Write) ([]command.Write, error) {
	encoded := make([]command.Write, len(writes))
	for i := range writes {
		w := &writes[i]
		encoded[i] = command.Write{Stream: []byte(w.Stream), Expect: w.Expect, Records: make([][]byte, len(w.Drafts))}
		for j := range w.Drafts {
			d := w.Drafts[j]
			d.Complete(ctx)
			if err := record.CheckDraft(&d); err != nil {
				return nil, err
			}
			encoded[i].Records[j] = record.AppendDraft(nil, &d)
		}
	}
	return encoded, nil
}

func (s store) Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error] {
	return s.service.Read(ctx, q)
}

func (s store) Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error] {
	return s.service.Subscribe(ctx, q)
}

func (s store) Stream(ctx context.Context, name string, at firn.Point) (firn.StreamInfo, error) {
	return s.service.Stream(ctx, name, at, firn.Consistency{})
}

func (s store) Streams(ctx context.Context, q firn.StreamQuery) iter.Seq2[firn.StreamInfo, error] {
	return s.service.Streams(ctx, q)
}

func (s store) Change(ctx context.Context, stream string, expect firn.Expectation, change firn.Life) (firn.Position, error) {
	return s.service.Change(ctx, s.actor, firn.NewID(), stream, expect, change)
}

func (s store) Head(ctx context.Context, c firn.Consistency) (firn.Position, time.Time, error) {
	return s.service.Head(ctx, c)
}

// Load is [firn.Snapshots.Load].
func (s store) Load(ctx context.Context, q firn.LoadQuery) (firn.Loaded, error) {
	found, err := s.service.Load(ctx, q)
	if err != nil {
		return firn.Loaded{}, err
	}
	return firn.Loaded{
		Snapshot: found.Snapshot, Version: found.Version, Revision: found.Revision, Position: found.Position, Open: found.Open, Partial: found.Partial,
		Events: events(found.Records),
	}, nil
}

// SaveSnapshot is [firn.Snapshots.SaveSnapshot].
func (s store) SaveSnapshot(ctx context.Context, kept firn.Snapshot) error {
	return s.service.SaveSnapshot(ctx, s.actor, kept)
}

// Define is [firn.Definitions.Define].
func (s store) Define(ctx context.Context, class firn.DefinitionClass, name string, source []byte, expect firn.Expectation) (firn.Definition, error) {
	return s.service.Define(ctx, s.actor, firn.NewID(), class, name, source, expect)
}

// Definitions is [firn.Definitions.Definitions].
func (s store) Definitions(ctx context.Context, class firn.DefinitionClass, at firn.Point) ([]firn.Definition, error) {
	return s.service.Definitions(ctx, class, at, firn.Consistency{})
}

// DefinitionVersions is [firn.Definitions.DefinitionVersions].
func (s store) DefinitionVersions(ctx context.Context, class firn.DefinitionClass, name string) ([]firn.Definition, error) {
	return s.service.DefinitionVersions(ctx, class, name, firn.Consistency{})
}

// State is [firn.History.State].
func (s store) State(ctx context.Context, q firn.StateQuery) (firn.StreamState, error) {
	return s.service.State(ctx, q)
}

// Diff is [firn.History.Diff].
func (s store) Diff(ctx context.Context, q firn.DiffQuery) (firn.StateDiff, error) {
	return s.service.Diff(ctx, q)
}

// Blame is [firn.History.Blame].
func (s store) Blame(ctx context.Context, q firn.BlameQuery) (firn.Blame, error) {
	return s.service.Blame(ctx, q)
}

// Bisect is [firn.History.Bisect].
func (s store) Bisect(ctx context.Context, q firn.BisectQuery) (firn.Bisected, error) {
	return s.service.Bisect(ctx, q)
}

// events decodes records. What they point to is copied: it is the caller's to
// keep.
func events(records iter.Seq2[record.Stored, error]) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		var d record.Decoder
		for stored, err := range records {
			var e firn.Event
			if err == nil {
				e, err = d.Event(stored.Stream, bytes.Clone(stored.Bytes))
				e.Fault = stored.Fault
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
