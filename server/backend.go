package server

import (
	"context"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/server/internal/service"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/wire"
)

// backend shows a node to the TCP door. What is not here, the guard answers
// itself.
type backend struct {
	service.Guard
	node *Node
}

var _ tcp.Backend = backend{}

// Append is [service.Guard.Append].
func (b backend) Append(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
	return b.Guard.Append(ctx, commandWrites(writes))
}

// AppendAt is [service.Guard.AppendAt].
func (b backend) AppendAt(ctx context.Context, at time.Time, writes []wire.Write) (firn.Appended, error) {
	return b.Guard.AppendAt(ctx, at, commandWrites(writes))
}

func commandWrites(writes []wire.Write) []command.Write {
	own := make([]command.Write, len(writes))
	for i := range writes {
		w := &writes[i]
		own[i] = command.Write{Stream: []byte(w.Stream), Expect: w.Expect, Records: w.Records}
	}
	return own
}

// Subscribe opens a subscription on this node.
func (b backend) Subscribe(ctx context.Context, q firn.Query) (tcp.Subscription, error) {
	s, err := b.Guard.Follow(ctx, q)
	return following{s}, err
}

// following shows a subscription to the TCP door.
type following struct{ *service.Following }

func (f following) Next(ctx context.Context) (tcp.Step, error) {
	step, err := f.Following.Next(ctx)
	return tcp.Step(step), err
}

// Consume is [service.Guard.Consume].
func (b backend) Consume(ctx context.Context, name string, inFlight uint32) (tcp.Consumer, error) {
	c, err := b.Guard.Consume(ctx, name, inFlight)
	if err != nil {
		return nil, err
	}
	return consuming{c}, nil
}

// consuming shows a consumer of a group to the TCP door.
type consuming struct{ *service.GuardedConsumer }

func (c consuming) Next(ctx context.Context, most int) ([]wire.Delivery, error) {
	due, err := c.GuardedConsumer.Next(ctx, most)
	deliveries := make([]wire.Delivery, len(due))
	for i := range due {
		d := &due[i]
		deliveries[i] = wire.Delivery{Stream: d.Stream, Token: d.Token, Attempt: d.Attempt, Replay: d.Replay, Record: d.Bytes}
		if d.Fault != nil {
			deliveries[i].Fault = &wire.DeliveryFault{Kind: d.Fault.Kind, Message: d.Fault.Message}
		}
	}
	return deliveries, err
}

// Load is [service.Guard.Load].
func (b backend) Load(ctx context.Context, q firn.LoadQuery) (tcp.Loading, error) {
	found, err := b.Guard.Load(ctx, q)
	return tcp.Loading{
		Found: wire.Loaded{
			Version: found.Version, Revision: found.Revision, Position: found.Position, Open: found.Open,
			Partial: found.Partial, Snapshot: found.Snapshot,
		},
		Records: found.Records,
	}, err
}

// Stream describes a stream, linearizably.
func (b backend) Stream(ctx context.Context, name string, at firn.Point) (firn.StreamInfo, error) {
	return b.Guard.Stream(ctx, name, at, firn.Consistency{})
}

// Streams is [service.Guard.Streams].
func (b backend) Streams(ctx context.Context, q firn.StreamQuery) iter.Seq2[firn.StreamInfo, error] {
	return b.Guard.Streams(ctx, q)
}

// Stats answers once this node has applied what was committed.
func (b backend) Stats(ctx context.Context) (wire.Stats, error) {
	s, err := b.Guard.Stats(ctx, firn.Consistency{})
	if err != nil {
		return wire.Stats{}, err
	}
	stats := wireStats(s, b.node.Damage())
	stats.Figures = append(stats.Figures, wire.Figure{Name: "written_bytes", Value: b.node.written.Load()})
	stats.Figures = append(stats.Figures, processFigures()...)
	return stats, nil
}

// Scavenge is [service.Service.Scavenge], or dry [service.Service.Scavengeable].
func (b backend) Scavenge(ctx context.Context, id firn.ID, dry bool, progress func(done, total uint64)) (wire.Scavenged, error) {
	var done service.Scavenged
	var err error
	if dry {
		done, err = b.Guard.Scavengeable(ctx, progress)
	} else {
		done, err = b.Guard.Scavenge(ctx, id, progress)
	}
	return wire.Scavenged{Position: done.Position, Time: done.Time, Layers: done.Layers, Events: done.Events, Bytes: done.Bytes}, err
}

// Verify checks this node's store.
func (b backend) Verify(ctx context.Context, progress func(done, total uint64)) (wire.Report, error) {
	r, err := b.Guard.Verify(ctx, progress)
	if err != nil {
		return wire.Report{}, err
	}
	b.node.judge(r)
	return wireReport(r), nil
}

// Identity says who the node is, for handshakes.
func (b backend) Identity() tcp.Identity {
	id := tcp.Identity{Node: b.node.config.ID, Release: Version()}
	if r, err := b.node.current(); err == nil {
		id.Cluster, id.History = r.engine.Identity()
		status := r.raft.Status()
		for _, n := range status.Nodes {
			if n.ID == status.Leader {
				id.Leader = n.Client
			}
		}
	}
	return id
}

// Status is the cluster as this node sees it.
func (b backend) Status(ctx context.Context) (wire.ClusterStatus, error) {
	if err := b.Guard.Authenticate(ctx); err != nil {
		return wire.ClusterStatus{}, err
	}
	r, err := b.node.current()
	if err != nil {
		return wire.ClusterStatus{}, err
	}
	s := r.raft.Status()
	out := wire.ClusterStatus{Leader: s.Leader, Term: s.Term, Version: r.engine.ClusterVersion()}
	out.Cluster, out.History = r.engine.Identity()
	access, err := b.node.service.Asked()
	if err != nil {
		return wire.ClusterStatus{}, err
	}
	out.Access = string(access)
	for _, n := range s.Nodes {
		out.Nodes = append(out.Nodes, wire.NodeStatus{
			ID: n.ID, Role: string(n.Role), Up: n.Up,
			Address: n.Client, Peer: n.Peer, HTTP: n.HTTP,
			Applied: n.Applied, Lag: n.Lag, Version: n.Version, DiskFree: n.DiskFree,
		})
	}
	return out, nil
}

// AddNode refuses what could never be reached: the others would try for ever.
func (b backend) AddNode(ctx context.Context, id, peer string) error {
	actor, err := b.Guard.AddNode(ctx, id)
	if err != nil {
		return err
	}
	if !validID.MatchString(id) {
		return firn.Errorf(firn.ErrInvalid, "the id %.80q; give 1 to 64 letters, digits, '.', '_' or '-'", id)
	}
	if err := checkAddress(peer); err != nil {
		return firn.Errorf(firn.ErrInvalid, "the peer address %.80q: %v", peer, err)
	}
	return b.change("add", actor, id, func(r *replication.Node) error { return r.AddNonvoter(ctx, id, peer) })
}

func (b backend) RemoveNode(ctx context.Context, id string) error {
	return b.administer(ctx, "remove", id, func(r *replication.Node) error { return r.Remove(ctx, id) })
}

func (b backend) PromoteNode(ctx context.Context, id string) error {
	return b.administer(ctx, "promote", id, func(r *replication.Node) error { return r.Promote(ctx, id) })
}

func (b backend) Transfer(ctx context.Context, id string) error {
	return b.administer(ctx, "transfer leadership to", id, func(r *replication.Node) error { return r.Transfer(ctx, id) })
}

// administer makes a change to the cluster's members that takes an admin.
func (b backend) administer(ctx context.Context, what, id string, do func(*replication.Node) error) error {
	actor, err := b.Guard.Administer(ctx, what+" a node")
	if err != nil {
		return err
	}
	return b.change(what, actor, id, do)
}

// change makes a change to the cluster's members and logs who asked for it.
func (b backend) change(what, actor, id string, do func(*replication.Node) error) error {
	r, err := b.node.current()
	if err != nil {
		return err
	}
	err = do(r.raft)
	b.node.log.Info("cluster: "+what, "member", id, "actor", actor, "error", err)
	return err
}
