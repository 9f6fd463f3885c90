package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/replication/raftlog"
	"github.com/firndb/firn/server/wire"
)

// VerifyDir checks the data directory of a node that does not run, and changes
// nothing in it: every checksum of its Raft log, and every invariant of its store. Damage that keeps
// either from being opened is the error; what is found inside is in the report.
func VerifyDir(ctx context.Context, dir string, progress func(done, total uint64)) (wire.Report, error) {
	return verifyDir(ctx, vfs.Default, dir, progress)
}

func verifyDir(ctx context.Context, fs vfs.FS, dir string, progress func(done, total uint64)) (wire.Report, error) {
	d := &dataDir{fs: fs, path: dir}
	_, err := d.identity(identityFile)
	if _, copyErr := d.identity(identityCopy); errors.Is(err, os.ErrNotExist) && errors.Is(copyErr, os.ErrNotExist) {
		return wire.Report{}, firn.Errorf(firn.ErrInvalid, "%s is not the data directory of a node: it has no %s", dir, identityFile)
	} else if err := cmp.Or(err, copyErr); err != nil {
		return wire.Report{}, err
	}
	lock, err := d.hold("stop the node, or verify it while it runs with --addr")
	if err != nil {
		return wire.Report{}, err
	}
	defer lock.Close()

	var fatal error
	onFatal := func(err error) { fatal = err }
	log, err := raftlog.Open(fs.PathJoin(dir, raftDir), raftlog.Options{FS: fs, OnFatal: onFatal, ReadOnly: true})
	if err != nil {
		return wire.Report{}, damaged("the Raft log", err)
	}
	defer log.Close()
	e, err := engine.Open(fs.PathJoin(dir, engineDir), engine.Options{FS: fs, OnFatal: onFatal, OnDamage: func(error) {}, ReadOnly: true})
	if err != nil {
		return wire.Report{}, damaged("the store", err)
	}
	defer e.Close()
	report, err := e.Verify(ctx, progress)
	return wireReport(report), damaged("the store", errors.Join(err, fatal))
}

// Verify checks every invariant of this node's store while it is in use.
func (n *Node) Verify(ctx context.Context) (wire.Report, error) {
	r, err := n.service.Verify(ctx, nil)
	if err != nil {
		return wire.Report{}, err
	}
	n.judge(r)
	return wireReport(r), nil
}

// damaged gives what Pebble says of damage the kind that says so.
func damaged(what string, err error) error {
	if err != nil && !errors.Is(err, firn.ErrDamaged) && pebble.IsCorruptionError(err) {
		return firn.Errorf(firn.ErrDamaged, "%s is damaged: %v; keep this directory, and set the node up anew from the others", what, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func wireReport(r engine.Report) wire.Report {
	out := wire.Report{Events: r.Events, Streams: r.Streams, Layers: r.Layers, ChainIndex: r.Index, ChainHash: r.Chain}
	for _, f := range r.Faults {
		out.Faults = append(out.Faults, wire.Fault{
			Invariant: uint64(f.Invariant), Key: f.Key, Stream: f.Stream, Position: f.Position, Text: f.Text,
		})
	}
	return out
}

func wireStats(s engine.Stats, damage error) wire.Stats {
	damaged := uint64(0)
	if damage != nil {
		damaged = 1
	}
	out := wire.Stats{
		Events: s.Events, Streams: s.Streams, Bytes: s.Bytes, Layers: s.Layers, DiskBytes: s.DiskBytes,
		Head: s.Head, HeadTime: s.HeadTime,
	}
	out.Figures = []wire.Figure{
		{Name: "open_events", Value: s.OpenEvents},
		{Name: "system_events", Value: s.SystemEvents},
		{Name: "system_streams", Value: s.SystemStreams},
		{Name: "flushed_bytes", Value: s.FlushedBytes},
		{Name: "compacted_bytes", Value: s.CompactedBytes},
		{Name: "scavenged_position", Value: uint64(s.Scavenged)},
		{Name: "scavengeable_events", Value: s.Scavengeable.Events},
		{Name: "scavengeable_bytes", Value: s.Scavengeable.Bytes},
		{Name: "damaged", Value: damaged},
	}
	for _, c := range caches(&s) {
		out.Figures = append(out.Figures,
			wire.Figure{Name: c.Name + "_cache_hits", Value: c.Hits},
			wire.Figure{Name: c.Name + "_cache_misses", Value: c.Misses})
	}
	return out
}
