// Package tcptest puts the TCP door in front of any firn.Store, for tests.
package tcptest

import (
	"bytes"
	"context"
	"io"
	"iter"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/wire"
)

// Backend is a node over a store. Its function fields stand in for the
// method of the same name where a test sets them.
type Backend struct {
	Is    tcp.Identity
	Store firn.Store
	*MemoryGroups

	OnAppend       func(ctx context.Context, writes []wire.Write) (firn.Appended, error)
	OnRecords      func(ctx context.Context, q firn.Query) iter.Seq2[record.Stored, error]
	OnSubscribe    func(ctx context.Context, q firn.Query) (tcp.Subscription, error)
	OnChange       func(ctx context.Context, id firn.ID) (firn.Position, error)
	OnHead         func(ctx context.Context, c firn.Consistency) (firn.Position, time.Time, error)
	OnAdmin        func(what, node, peer string) error
	OnAuthenticate func(ctx context.Context) error
	Image          []byte // what Backup gives

	mu      sync.Mutex
	changes map[firn.ID]firn.Position // what each change has answered
}

// New returns a node n1 over the store.
func New(store firn.Store) *Backend {
	is := tcp.Identity{Node: "n1", Cluster: [16]byte{1}, Release: "test"}
	for m := range store.Subscribe(context.Background(), firn.Query{All: true, From: firn.EndPoint()}) {
		is.History = m.Mark.History
		break
	}
	return &Backend{
		Is: is, Store: store, MemoryGroups: NewMemoryGroups(store),
		changes: make(map[firn.ID]firn.Position),
	}
}

// Serve opens a door for the backend on a free port of loopback, until the test
// ends.
func Serve(t testing.TB, b tcp.Backend, o tcp.Options) *tcp.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	door, err := tcp.Serve(l, b, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := door.Close(ctx); err != nil {
			t.Errorf("closing the door: %v", err)
		}
	})
	return door
}

func (b *Backend) Authenticate(ctx context.Context) error {
	if b.OnAuthenticate != nil {
		return b.OnAuthenticate(ctx)
	}
	return nil
}

func (b *Backend) Identity() tcp.Identity { return b.Is }

func (b *Backend) Append(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
	if b.OnAppend != nil {
		return b.OnAppend(ctx, writes)
	}
	return b.AppendRecords(ctx, writes)
}

func (b *Backend) AppendAt(ctx context.Context, at time.Time, writes []wire.Write) (firn.Appended, error) {
	parsed, err := drafts(writes)
	if err != nil {
		return firn.Appended{}, err
	}
	return b.Store.(firn.Dated).AppendAt(ctx, at, parsed...)
}

// AppendRecords is Append without OnAppend.
func (b *Backend) AppendRecords(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
	parsed, err := drafts(writes)
	if err != nil {
		return firn.Appended{}, err
	}
	return b.Store.Append(ctx, parsed...)
}

func drafts(writes []wire.Write) ([]firn.Write, error) {
	parsed := make([]firn.Write, len(writes))
	for i, w := range writes {
		parsed[i] = firn.Write{Stream: w.Stream, Expect: w.Expect}
		for _, r := range w.Records {
			c, err := record.ParseDraft(bytes.Clone(r))
			if err != nil {
				return nil, err
			}
			d := firn.Draft{
				ID: c.ID, Type: string(c.Type), Schema: c.Schema, ContentType: string(c.ContentType),
				Data: c.Data, Metadata: c.Metadata,
				CorrelationID: string(c.CorrelationID), CausationID: string(c.CausationID),
			}
			if c.HasOccurred {
				d.Occurred = record.Time(c.Occurred)
			}
			parsed[i].Drafts = append(parsed[i].Drafts, d)
		}
	}
	return parsed, nil
}

func (b *Backend) Records(ctx context.Context, q firn.Query) iter.Seq2[record.Stored, error] {
	if b.OnRecords != nil {
		return b.OnRecords(ctx, q)
	}
	return b.ReadRecords(ctx, q)
}

// ReadRecords is Records without OnRecords.
func (b *Backend) ReadRecords(ctx context.Context, q firn.Query) iter.Seq2[record.Stored, error] {
	return func(yield func(record.Stored, error) bool) {
		for e, err := range b.Store.Read(ctx, q) {
			if err != nil {
				yield(record.Stored{}, err)
				return
			}
			if !yield(record.Stored{Stream: e.Stream, Position: e.Position, Bytes: record.Encode(&e)}, nil) {
				return
			}
		}
	}
}

func (b *Backend) Subscribe(ctx context.Context, q firn.Query) (tcp.Subscription, error) {
	if b.OnSubscribe != nil {
		return b.OnSubscribe(ctx, q)
	}
	return newSubscription(ctx, b.Store, q), nil
}

func (b *Backend) Stream(ctx context.Context, name string, at firn.Point) (firn.StreamInfo, error) {
	return b.Store.Stream(ctx, name, at)
}

func (b *Backend) Streams(ctx context.Context, q firn.StreamQuery) iter.Seq2[firn.StreamInfo, error] {
	return b.Store.Streams(ctx, q)
}

func (b *Backend) Change(ctx context.Context, id firn.ID, stream string, expect firn.Expectation, life firn.Life) (firn.Position, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, repeated := b.changes[id]; repeated {
		return at, nil
	}
	at, err := b.Store.Change(ctx, stream, expect, life)
	if err == nil {
		b.changes[id] = at
	}
	if err == nil && b.OnChange != nil {
		return b.OnChange(ctx, id)
	}
	return at, err
}

func (b *Backend) Head(ctx context.Context, c firn.Consistency) (firn.Position, time.Time, error) {
	if b.OnHead != nil {
		return b.OnHead(ctx, c)
	}
	return b.Store.Head(ctx, c)
}

func (b *Backend) Resolve(ctx context.Context, p firn.Point, c firn.Consistency) (firn.Position, bool, error) {
	_, last, err := b.Store.Head(ctx, c)
	if err != nil {
		return 0, false, err
	}
	open := p.Kind() == firn.PointMoment && !p.Moment().Before(last)
	for e, err := range b.Store.Read(ctx, firn.Query{All: true, System: true, Bound: p, Backwards: true, Limit: 1, Consistency: c}) {
		return e.Position, open, err
	}
	return 0, open, nil
}

func (b *Backend) Stats(ctx context.Context) (wire.Stats, error) {
	head, at, err := b.Store.Head(ctx, firn.Consistency{})
	return wire.Stats{Events: uint64(head), Head: head, HeadTime: at, Figures: []wire.Figure{{Name: "of_a_test", Value: 1}}}, err
}

func (b *Backend) Status(ctx context.Context) (wire.ClusterStatus, error) {
	return wire.ClusterStatus{
		Leader: b.Is.Node, Term: 1, Cluster: b.Is.Cluster, History: b.Is.History, Version: 1,
		Nodes: []wire.NodeStatus{{ID: b.Is.Node, Role: "voter", Up: true, Version: b.Is.Release}},
	}, nil
}

func (b *Backend) admin(what, node, peer string) error {
	if b.OnAdmin != nil {
		return b.OnAdmin(what, node, peer)
	}
	return firn.Errorf(firn.ErrUnsupported, "a store in memory has one node; it cannot %s %q", what, node)
}

func (b *Backend) AddNode(ctx context.Context, node, peer string) error {
	return b.admin("add", node, peer)
}

func (b *Backend) RemoveNode(ctx context.Context, node string) error {
	return b.admin("remove", node, "")
}

func (b *Backend) PromoteNode(ctx context.Context, node string) error {
	return b.admin("promote", node, "")
}

func (b *Backend) Transfer(ctx context.Context, node string) error {
	return b.admin("transfer to", node, "")
}

func (b *Backend) Scavenge(ctx context.Context, id firn.ID, dry bool, progress func(done, total uint64)) (wire.Scavenged, error) {
	return wire.Scavenged{}, b.admin("scavenge", "", "")
}

func (b *Backend) Verify(ctx context.Context, progress func(done, total uint64)) (wire.Report, error) {
	var report wire.Report
	for _, err := range b.Store.Read(ctx, firn.Query{All: true, System: true}) {
		if err != nil {
			return report, err
		}
		report.Events++
		progress(report.Events, report.Events)
	}
	return report, nil
}

// Backup gives the bytes of b.Image, whatever is asked for.
func (b *Backend) Backup(context.Context, *wire.Backup, func(uint64)) (uint64, io.ReadCloser, error) {
	if b.Image == nil {
		return 0, nil, firn.Errorf(firn.ErrUnsupported, "a store in memory has no image")
	}
	return uint64(len(b.Image)), io.NopCloser(bytes.NewReader(b.Image)), nil
}
