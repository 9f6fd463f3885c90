package history

import (
	"context"
	"errors"
	"iter"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot"
)

// Store is what a past is read from: of [firn.Store] and [firn.Snapshots], what is
// needed.
type Store interface {
	Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error]
	Stream(ctx context.Context, name string, at firn.Point) (firn.StreamInfo, error)
	Load(ctx context.Context, q firn.LoadQuery) (firn.Loaded, error)
}

// Of returns the past of a stream as of a point (zero: now) under a fold, whose
// version the caller knows since it knows the upcasters. It is resolved to a
// position, which the description names, and does not move. A stream that is
// deleted or tombstoned is the error that reading it is.
func Of(ctx context.Context, store Store, fold snapshot.Fold, version firn.FoldVersion, stream string, at firn.Point) (*Past, firn.StreamInfo, error) {
	info, err := store.Stream(ctx, stream, at)
	if err != nil {
		return nil, info, err
	}
	p := &Past{Fold: fold, End: uint64(info.Revision) + 1}
	if p.Begin = p.End; info.Events > 0 {
		p.Begin = uint64(info.FirstRevision)
	}
	p.Source = &source{store, fold, version, stream, p.End, firn.PositionPoint(info.Position)}
	return p, info, nil
}

type source struct {
	store   Store
	fold    snapshot.Fold
	version firn.FoldVersion
	stream  string
	end     uint64
	at      firn.Point // which the end is as of
}

// point returns the past at an end.
func (s *source) point(end uint64) firn.Point {
	if end >= s.end {
		return s.at
	}
	return firn.RevisionPoint(firn.Revision(end - 1))
}

func (s *source) State(ctx context.Context, end uint64) (snapshot.Computed, error) {
	if end == 0 {
		return snapshot.Compute(ctx, s.fold, nil, func(func(firn.Event, error) bool) {})
	}
	q := firn.LoadQuery{Stream: s.stream, Fold: s.fold.Name(), Version: s.version, Bound: s.point(end)}
	loaded, err := s.store.Load(ctx, q)
	if err != nil {
		return snapshot.Computed{}, err
	}
	c, err := snapshot.Compute(ctx, s.fold, loaded.Snapshot, loaded.Events)
	if loaded.Snapshot == nil || !errors.Is(err, firn.ErrDamaged) {
		return c, err
	}
	// A snapshot that cannot be read is passed over: no fold has the version zero.
	q.Version = firn.FoldVersion{}
	if loaded, err = s.store.Load(ctx, q); err != nil {
		return c, err
	}
	return snapshot.Compute(ctx, s.fold, loaded.Snapshot, loaded.Events)
}

func (s *source) Events(ctx context.Context, from, end uint64) iter.Seq2[firn.Event, error] {
	return s.store.Read(ctx, firn.Query{Stream: s.stream, From: firn.RevisionPoint(firn.Revision(from)), Bound: s.point(end)})
}
