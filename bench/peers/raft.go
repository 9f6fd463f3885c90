package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"github.com/firndb/firn"
)

// Bare hashicorp/raft: what orders Firn's log, by itself, with HashiCorp's own log store for
// append-heavy work (pkg.go.dev/github.com/hashicorp/raft-wal) and a state machine that does
// nothing. It has no network but between its nodes, checks nothing, and cannot be
// read. BatchApplyCh and more entries a message are what its documentation offers
// for throughput (pkg.go.dev/github.com/hashicorp/raft, Config).
const (
	raftEntriesMax = 512 // of one message
	raftPool       = 3   // connections between two nodes
	raftTimeout    = 10 * time.Second
)

func raftSystem() *system {
	return &system{
		name: "raft", about: "in this process, checks and keeps nothing", synced: true, nodes: []int{1, 3},
		version: func(o options) string {
			return moduleVersion("github.com/hashicorp/raft")(o) + ", raft-wal " + moduleVersion("github.com/hashicorp/raft-wal")(o)
		},
		start: startRaft,
	}
}

type raftLog struct{ leader *raft.Raft }

func startRaft(ctx context.Context, at place) (_ running, err error) {
	var nodes []*raft.Raft
	var closers []io.Closer
	stop := func() error {
		var errs []error
		for _, n := range nodes {
			errs = append(errs, n.Shutdown().Error())
		}
		for _, c := range closers {
			errs = append(errs, c.Close())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	var members raft.Configuration
	var transports []*raft.NetworkTransport
	for i := range at.nodes {
		t, err := raft.NewTCPTransport("127.0.0.1:0", nil, raftPool, raftTimeout, io.Discard)
		if err != nil {
			return running{}, err
		}
		transports = append(transports, t)
		closers = append(closers, t)
		members.Servers = append(members.Servers, raft.Server{ID: raft.ServerID(nodeName(i)), Address: t.LocalAddr()})
	}
	for i := range at.nodes {
		dir := filepath.Join(at.dir, nodeName(i))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return running{}, err
		}
		store, err := wal.Open(dir)
		if err != nil {
			return running{}, err
		}
		closers = append(closers, store)
		c := raft.DefaultConfig()
		c.LocalID = raft.ServerID(nodeName(i))
		c.LogOutput = io.Discard
		c.BatchApplyCh = true
		c.MaxAppendEntries = raftEntriesMax
		n, err := raft.NewRaft(c, nothing{}, store, store, raft.NewDiscardSnapshotStore(), transports[i])
		if err != nil {
			return running{}, err
		}
		nodes = append(nodes, n)
	}
	if err := nodes[0].BootstrapCluster(members).Error(); err != nil {
		return running{}, err
	}
	l := &raftLog{}
	err = eventually(ctx, func(context.Context) error {
		for _, n := range nodes {
			if n.State() == raft.Leader {
				l.leader = n
				return nil
			}
		}
		return errors.New("there is no leader")
	})
	return running{store: asStore(l), stop: stop}, err
}

func (l *raftLog) append(_ context.Context, _ string, _ int64, events []firn.Event) error {
	var entry []byte
	for i := range events {
		entry = appendValue(entry, &events[i])
	}
	f := l.leader.Apply(entry, raftTimeout)
	if err := f.Error(); err != nil {
		return err
	}
	if got, _ := f.Response().(int); got != len(entry) {
		return fmt.Errorf("an entry of %d bytes was applied as one of %d", len(entry), got)
	}
	return nil
}

func (l *raftLog) load(context.Context, string) iter.Seq2[firn.Event, error] {
	return failed(errNotOffered)
}

func (l *raftLog) follow(context.Context, bool, func() bool) iter.Seq2[firn.Event, error] {
	return failed(errNotOffered)
}

// nothing is a state machine without a state. It answers with how many bytes it
// was given.
type nothing struct{}

func (nothing) Apply(l *raft.Log) any { return len(l.Data) }

func (nothing) ApplyBatch(logs []*raft.Log) []any {
	answers := make([]any, len(logs))
	for i, l := range logs {
		answers[i] = len(l.Data)
	}
	return answers
}

func (nothing) Snapshot() (raft.FSMSnapshot, error) { return nothing{}, nil }
func (nothing) Restore(r io.ReadCloser) error       { return r.Close() }
func (nothing) Persist(s raft.SnapshotSink) error   { return s.Close() }
func (nothing) Release()                            {}
