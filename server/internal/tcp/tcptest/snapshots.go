package tcptest

import (
	"context"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/wire"
)

// Load is that of the store, which must keep snapshots.
func (b *Backend) Load(ctx context.Context, q firn.LoadQuery) (tcp.Loading, error) {
	found, err := b.Store.(firn.Snapshots).Load(ctx, q)
	return tcp.Loading{
		Found: wire.Loaded{
			Version: found.Version, Revision: found.Revision, Position: found.Position, Open: found.Open,
			Partial: found.Partial, Snapshot: found.Snapshot,
		},
		Records: func(yield func(record.Stored, error) bool) {
			for e, err := range found.Events {
				if !yield(record.Stored{Stream: e.Stream, Position: e.Position, Bytes: record.Encode(&e)}, err) || err != nil {
					return
				}
			}
		},
	}, err
}

// SaveSnapshot is that of the store.
func (b *Backend) SaveSnapshot(ctx context.Context, s firn.Snapshot) error {
	return b.Store.(firn.Snapshots).SaveSnapshot(ctx, s)
}

// The definitions of a store in memory are none.

func (b *Backend) Define(context.Context, firn.ID, firn.DefinitionClass, string, []byte, firn.Expectation) (firn.Definition, error) {
	return firn.Definition{}, firn.Errorf(firn.ErrUnsupported, "a store in memory keeps no definitions")
}

func (b *Backend) Definitions(context.Context, firn.DefinitionClass, firn.Point, firn.Consistency) ([]firn.Definition, error) {
	return nil, nil
}

func (b *Backend) DefinitionVersions(context.Context, firn.DefinitionClass, string, firn.Consistency) ([]firn.Definition, error) {
	return nil, nil
}

// A store in memory computes no states.

func (b *Backend) State(context.Context, firn.StateQuery) (firn.StreamState, error) {
	return firn.StreamState{}, errNoHistory
}

func (b *Backend) Diff(context.Context, firn.DiffQuery) (firn.StateDiff, error) {
	return firn.StateDiff{}, errNoHistory
}

func (b *Backend) Blame(context.Context, firn.BlameQuery) (firn.Blame, error) {
	return firn.Blame{}, errNoHistory
}

func (b *Backend) Bisect(context.Context, firn.BisectQuery) (firn.Bisected, error) {
	return firn.Bisected{}, errNoHistory
}

var errNoHistory = firn.Errorf(firn.ErrUnsupported, "a store in memory computes no states")
