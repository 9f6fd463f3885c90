package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/replication/raftlog"
)

// rotNode is the directory of the node under test.
const rotNode = "n"

// startAlone starts a node that is its whole cluster.
func startAlone(fs vfs.FS) (*Node, error) {
	c := Config{
		ID: embeddedID, Dir: rotNode, Bootstrap: []Member{{embeddedID, embeddedID}},
		Listen: Addresses{Peer: embeddedID}, Advertise: Addresses{Peer: embeddedID},
		CacheBytes: 16 << 20, Logger: slog.New(slog.DiscardHandler), Heartbeat: 100 * time.Millisecond,
	}
	return start(c, Surroundings{FS: fs, Peers: nowhere{}, Store: engine.Settings{LayerEvents: 60}}.orMachine(&c))
}

// awake is startAlone, and an answering node.
func awake(t testing.TB, fs vfs.FS) *Node {
	t.Helper()
	n, err := startAlone(fs)
	if err == nil {
		err = n.awaitReady(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// rotDirectory is a node's directory with some of everything in it: tables and
// a write-ahead log that is not in them, sealed layers and an open one, every
// sort of key. Its node was killed.
func rotDirectory(t testing.TB) files {
	t.Helper()
	fs := vfs.NewMem()
	for round := range 3 {
		n := awake(t, fs)
		write(t, n.Store(), round)
		if round < 2 {
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		all := snapshotOf(t, fs, rotNode)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		return all
	}
	panic("not reached")
}

// write appends some of everything.
func write(t testing.TB, s Store, round int) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if round == 0 {
		_, err := s.Define(ctx, firn.FoldDefinition, "cart", []byte("fold: cart\ncategory: cart\non: {\"*\": merge}\n"), firn.Any)
		must(err)
		_, err = s.CreateGroup(ctx, firn.Group{Name: "g", Category: "cart"})
		must(err)
		_, err = s.CreateGroup(ctx, firn.Group{Name: "parking", Category: "cart", MaxAttempts: 1})
		must(err)
		_, err = s.Change(ctx, firn.CategoriesStream, firn.Any, firn.Limits{Category: "cart", MaxCount: 1000})
		must(err)
	}
	for i := range 60 {
		stream := fmt.Sprintf("cart-%d", i%7)
		if i%5 == 4 {
			stream = fmt.Sprintf("other-%d-%d", round, i)
		}
		d := firn.Draft{
			ID: rotID(round, i), Type: fmt.Sprintf("T%d", i%4), CorrelationID: fmt.Sprintf("c%d", i%9),
			Data: fmt.Appendf(nil, `{"round":%d,"i":%d,"text":%q}`, round, i, randomText(i)),
		}
		_, err := s.Append(ctx, firn.To(stream, firn.Any, d))
		must(err)
	}
	for _, change := range []struct {
		stream string
		life   firn.Life
	}{
		{fmt.Sprintf("other-%d-4", round), firn.Delete{}},
		{fmt.Sprintf("other-%d-9", round), firn.Tombstone{}},
		{"cart-1", firn.Truncate{Before: firn.Revision(2 + 3*round)}},
		{"cart-2", firn.Metadata{Data: fmt.Appendf(nil, `{"round":%d}`, round)}},
		{"cart-3", firn.Limits{MaxCount: 20}},
	} {
		_, err := s.Change(ctx, change.stream, firn.Any, change.life)
		must(err)
	}
	loaded, err := s.Load(ctx, firn.LoadQuery{Stream: "cart-4", Fold: "own"})
	must(err)
	must(s.SaveSnapshot(ctx, firn.Snapshot{Stream: "cart-4", Fold: "own", Version: loaded.Version, Revision: loaded.Revision, State: []byte("state")}))
	c, err := s.Consume(ctx, "parking", 1)
	must(err)
	for d, err := range c.Deliveries(ctx) {
		must(err)
		must(c.Settle(ctx, firn.Settlement{Token: d.Token, Outcome: firn.Park, Reason: "for once"}))
		break
	}
	must(c.Close())
}

func rotID(round, i int) firn.ID {
	return firn.ID{0: 1, 6: 0x70, 8: 0x80, 14: byte(round), 15: byte(i)}
}

func randomText(i int) string {
	b := make([]byte, 40)
	x := uint32(i)*2654435761 + 1
	for k := range b {
		x = x*1664525 + 1013904223
		b[k] = 'a' + byte(x>>24)%26
	}
	return string(b)
}

// reply is what a node says to a question.
type reply struct {
	question string
	text     string
	err      error
}

// interrogate asks a node for all that it holds, and holds its answers to
// appends that depend on it.
func interrogate(ctx context.Context, n *Node) (all []reply) {
	s := n.Store()
	ask := func(question string, say func() (string, error)) {
		text, err := say()
		for errors.Is(err, firn.ErrUnavailable) && n.Err() == nil && ctx.Err() == nil { // a busy machine
			time.Sleep(10 * time.Millisecond)
			text, err = say()
		}
		all = append(all, reply{question, text, err})
	}
	read := func(question string, q firn.Query) {
		ask(question, func() (text string, err error) {
			for e, err := range s.Read(ctx, q) {
				if err != nil {
					return "", err
				}
				text += fmt.Sprintf("%+v\n", e)
			}
			return text, nil
		})
	}
	read("all", firn.Query{All: true, System: true})
	read("backwards", firn.Query{All: true, Backwards: true, Limit: 100})
	read("category", firn.Query{Category: "cart"})
	read("types", firn.Query{All: true, Types: []string{"T2"}})
	read("by id", firn.Query{ID: rotID(0, 0)})
	read("by correlation", firn.Query{Correlation: "c3"})
	for i := range 7 {
		read(fmt.Sprint("cart-", i), firn.Query{Stream: fmt.Sprint("cart-", i)})
	}
	ask("streams", func() (text string, err error) {
		for i, err := range s.Streams(ctx, firn.StreamQuery{System: true}) {
			if err != nil {
				return "", err
			}
			text += fmt.Sprintf("%+v\n", i)
		}
		return text, nil
	})
	ask("subscription", func() (text string, err error) {
		for m, err := range s.Subscribe(ctx, firn.Query{All: true, System: true}) {
			if err != nil {
				return "", err
			}
			if m.Mark != nil {
				if m.Mark.Kind == firn.CaughtUp {
					break
				}
				continue
			}
			text += fmt.Sprintf("%+v\n", m.Event)
		}
		return text, nil
	})
	ask("state", func() (string, error) {
		state, err := s.State(ctx, firn.StateQuery{Stream: "cart-0", Fold: firn.MergeFold})
		return fmt.Sprintf("%s at %d", state.State, state.Position), err
	})
	ask("load", func() (string, error) {
		l, err := s.Load(ctx, firn.LoadQuery{Stream: "cart-4", Fold: "own"})
		if err != nil {
			return "", err
		}
		text := fmt.Sprintf("%+v behind", l.Revision)
		if l.Snapshot != nil {
			text = fmt.Sprintf("%s %s", text, l.Snapshot.State)
		}
		return text, nil
	})
	ask("groups", func() (text string, err error) {
		groups, err := s.Groups(ctx)
		if err != nil {
			return "", err
		}
		text = fmt.Sprintf("%+v\n", groups)
		for e, err := range s.Parked(ctx, "parking") {
			if err != nil {
				return "", err
			}
			text += fmt.Sprintf("%+v\n", e)
		}
		return text, nil
	})
	ask("definitions", func() (string, error) {
		d, err := s.Definitions(ctx, firn.FoldDefinition, firn.Point{})
		return fmt.Sprintf("%+v", d), err
	})
	for _, name := range []string{"cart-1", "other-0-4", "other-0-9", "other-1-14"} {
		ask("append to "+name, func() (string, error) { // refused, with what is so
			_, err := s.Append(ctx, firn.To(name, firn.At(1000), firn.Draft{Type: "T", Data: []byte("1")}))
			if known, ok := err.(interface{ Error() string }); ok && !damagedOrGone(err) {
				return known.Error(), nil
			}
			return "", err
		})
	}
	for round := range 3 {
		ask(fmt.Sprint("repeat ", round), func() (string, error) {
			done, err := s.Append(ctx, firn.To("cart-0", firn.Any, firn.Draft{
				ID: rotID(round, 0), Type: "T0", CorrelationID: "c0",
				Data: fmt.Appendf(nil, `{"round":%d,"i":%d,"text":%q}`, round, 0, randomText(0)),
			}))
			return fmt.Sprintf("%+v", done), err
		})
	}
	return all
}

// vote is what a Raft log remembers.
type vote struct {
	term, voteTerm uint64
	candidate      string
	entries        string
}

func voteOf(fs vfs.FS) (v vote, err error) {
	l, err := raftlog.Open(fs.PathJoin(rotNode, raftDir), raftlog.Options{FS: fs, OnFatal: func(error) {}, ReadOnly: true})
	if err != nil {
		return v, err
	}
	defer l.Close()
	if v.term, err = l.GetUint64([]byte("CurrentTerm")); err != nil {
		return v, err
	}
	if v.voteTerm, err = l.GetUint64([]byte("LastVoteTerm")); err != nil {
		return v, err
	}
	candidate, err := l.Get([]byte("LastVoteCand"))
	if err != nil {
		return v, err
	}
	v.candidate = string(candidate)
	first, err := l.FirstIndex()
	if err != nil {
		return v, err
	}
	last, err := l.LastIndex()
	for i := first; err == nil && i <= last; i++ {
		e, err := l.Entry(i)
		if err != nil {
			return v, err
		}
		v.entries += fmt.Sprintf("%d %d %d %x\n", e.Index, e.Term, e.Type, e.Data)
	}
	return v, err
}

// withImage is the directory with an image in it that was received, and is put
// to use at the next start.
func withImage(t testing.TB, all files) files {
	t.Helper()
	fs := all.disk(t)
	l, err := raftlog.Open(fs.PathJoin(rotNode, raftDir), raftlog.Options{FS: fs, OnFatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(fs.PathJoin(rotNode, engineDir), engine.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	defer e.Close()
	first, err1 := l.FirstIndex()
	last, err2 := l.LastIndex()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	applied, _ := e.Applied()
	for i := max(first, applied+1); i <= last; i++ {
		entry, err := l.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		if entry.Type == 0 {
			if _, err := e.Apply([]engine.Entry{{Index: entry.Index, Term: entry.Term, Data: slices.Clone(entry.Data)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	takeImage(t, fs, l, e)
	return snapshotOf(t, fs, rotNode)
}

// takeImage receives an image of the engine's own into its directory, as if
// another node had sent it.
func takeImage(t testing.TB, fs vfs.FS, l *raftlog.Log, e *engine.Engine) {
	t.Helper()
	m := &machine{Engine: e, fs: fs, engine: fs.PathJoin(rotNode, engineDir), outbox: fs.PathJoin(rotNode, outboxDir)}
	image, err := m.Image(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer image.Data.Close()
	members := raft.Configuration{Servers: []raft.Server{{ID: embeddedID, Address: embeddedID}}}
	sink, err := raftlog.NewSnapshots(l, receiving{m}).Create(1, image.Index, image.Term, members, 1, nil)
	if err == nil {
		_, err = io.Copy(sink, image.Data)
	}
	if err == nil {
		err = sink.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// receiving takes images and makes none.
type receiving struct{ *machine }

func (r receiving) Receive(id string, meta raft.SnapshotMeta) (raftlog.Receiver, error) {
	return r.machine.Receive(id, meta.Index, meta.Term)
}

func (r receiving) Produce(context.Context) (*raftlog.Image, error) {
	return nil, errors.New("it makes none")
}
