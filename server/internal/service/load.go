package service

import (
	"context"
	"crypto/sha256"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// Load is [firn.Snapshots.Load], with records as they are stored or shown.
func (s *Service) Load(ctx context.Context, q firn.LoadQuery) (engine.Loading, error) {
	if err := firn.CheckStreamName(q.Stream); err != nil {
		return engine.Loading{}, err
	}
	r, err := s.consistent(ctx, q.Consistency)
	if err != nil {
		return engine.Loading{}, err
	}
	return s.load(ctx, r.Engine, s.shapes(r.Engine), q)
}

// load loads from an engine, in the shapes given.
func (s *Service) load(ctx context.Context, e *engine.Engine, sh *shapes, q firn.LoadQuery) (engine.Loading, error) {
	if _, _, err := sh.asked(firn.Query{Raw: q.Raw}); err != nil {
		return engine.Loading{}, err
	}
	if !q.Raw {
		q.Version = sh.version(q.Version, q.Stream)
	}
	found, err := e.Load(ctx, q, s.options.Now())
	if err != nil || q.Raw || !sh.any {
		return found, err
	}
	p := shaper{sh: sh}
	found.Records = shown(&firn.Query{}, false, found.Records, func(stored *record.Stored) (typ string, err error) {
		*stored, typ, err = p.record(ctx, *stored)
		return typ, err
	})
	return found, nil
}

// version is a fold's version where upcasters change what it sees of a stream:
// other upcasters, other states.
func (sh *shapes) version(own firn.FoldVersion, stream string) (v firn.FoldVersion) {
	if !sh.any {
		return own
	}
	rules := sh.upcasters.For(firn.Category(stream))
	if rules.Empty() {
		return own
	}
	hash := rules.Hash()
	sum := sha256.Sum256(append(own[:], hash[:]...))
	copy(v[:], sum[:])
	return v
}

// SaveSnapshot is [firn.Snapshots.SaveSnapshot], on behalf of an actor.
func (s *Service) SaveSnapshot(ctx context.Context, actor string, kept firn.Snapshot) error {
	if err := kept.Check(); err != nil {
		return err
	}
	_, err := s.propose(ctx, command.AppendItem(nil, &command.Snapshot{
		Actor: []byte(actor), Stream: []byte(kept.Stream), Fold: []byte(kept.Fold), Version: kept.Version,
		Revision: kept.Revision, Partial: kept.Partial, State: kept.State,
	}))
	return err
}
