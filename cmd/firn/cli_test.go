package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// cli runs command lines in this process against one store in memory.
type cli struct {
	t        *testing.T
	db       *memory
	terminal bool // what stdin, stdout and stderr are
	now      time.Time
	env      map[string]string
	launch   launcher
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	c := &cli{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), env: map[string]string{}}
	c.db = &memory{Store: firn.NewMemory(firn.MemoryOptions{Now: func() time.Time { return c.now }})}
	return c
}

// result is what one command line did.
type result struct {
	status   int
	out, err string
}

func (c *cli) console(stdin string, out, err *bytes.Buffer) *console {
	return &console{
		in: strings.NewReader(stdin), out: out, err: err,
		env: func(name string) string { return c.env[name] },
		now: func() time.Time { return c.now },

		terminalIn: c.terminal, terminalOut: c.terminal, terminalErr: c.terminal,
		dial:   func(context.Context, string) (store, error) { return c.db, nil },
		launch: c.launch,
	}
}

func (c *cli) run(stdin string, args ...string) result {
	var out, err bytes.Buffer
	status := run(c.t.Context(), args, c.console(stdin, &out, &err))
	return result{status, out.String(), err.String()}
}

// ok runs a command line that must succeed and returns what it printed.
func (c *cli) ok(args ...string) string {
	c.t.Helper()
	r := c.run("", args...)
	if r.status != exitDone {
		c.t.Fatalf("firn %s: exit %d\n%s%s", strings.Join(args, " "), r.status, r.out, r.err)
	}
	return r.out
}

// fails runs a command line that must fail so, with these words on stderr.
func (c *cli) fails(status int, words string, args ...string) result {
	c.t.Helper()
	r := c.run("", args...)
	if r.status != status || !strings.Contains(r.err, words) {
		c.t.Errorf("firn %s: exit %d (want %d)\n%s\nwant in it: %s", strings.Join(args, " "), r.status, status, r.err, words)
	}
	return r
}

// noGroups stands for groups where nobody asks for any: they are kept by nodes.
type noGroups = firn.Groups

// noHistory stands for states, which nodes compute.
type noHistory = firn.History

// noBackups stands for images, which only nodes with files have.
type noBackups = backups

// memory is a store in memory that answers what only running nodes are asked.
type memory struct {
	firn.Store
	noGroups
	noDefinitions
	noHistory
	noBackups

	refuse func(writes []firn.Write) error // before an append
	lose   func(writes []firn.Write) error // its answer, after it was done
	admin  []string                        // what was asked about the cluster
	report wire.Report
	mu     sync.Mutex
}

var _ store = (*memory)(nil)

func (m *memory) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		if err := m.refuse(writes); err != nil {
			return firn.Appended{}, err
		}
	}
	done, err := m.Store.Append(ctx, writes...)
	if err == nil && m.lose != nil {
		err = m.lose(writes)
	}
	return done, err
}

func (m *memory) AppendAt(ctx context.Context, at time.Time, writes ...firn.Write) (firn.Appended, error) {
	return m.Store.(firn.Dated).AppendAt(ctx, at, writes...)
}

func (m *memory) Resolve(ctx context.Context, p firn.Point, c firn.Consistency) (firn.Position, bool, error) {
	q := firn.Query{All: true, System: true, Bound: p, Backwards: true, Limit: 1, Consistency: c}
	for e, err := range m.Store.Read(ctx, q) {
		return e.Position, false, err
	}
	return 0, false, nil
}

func (m *memory) Stats(ctx context.Context, _ string) (s wire.Stats, err error) {
	for i, err := range m.Streams(ctx, firn.StreamQuery{}) {
		if err != nil {
			return s, err
		}
		s.Streams++
		s.Events += i.Events
		s.Bytes += i.Bytes
	}
	s.Head, s.HeadTime, err = m.Head(ctx, firn.Consistency{})
	s.Figures = []wire.Figure{{Name: "open_events", Value: s.Events}}
	return s, err
}

func (m *memory) Verify(_ context.Context, _ string, progress func(done, total uint64)) (wire.Report, error) {
	progress(1, 1)
	return m.report, nil
}

func (m *memory) Scavengeable(_ context.Context, _ string, progress func(done, total uint64)) (wire.Scavenged, error) {
	progress(1, 2)
	return wire.Scavenged{Layers: 2, Events: 30, Bytes: 4000}, nil
}

func (m *memory) Scavenge(_ context.Context, _ firn.ID, progress func(done, total uint64)) (wire.Scavenged, error) {
	progress(2, 2)
	m.admin = append(m.admin, "scavenge")
	return wire.Scavenged{Position: 17, Time: time.UnixMicro(1_772_000_000_000_000), Layers: 2, Events: 30, Bytes: 4000}, nil
}

func (m *memory) Status(context.Context, string) (wire.ClusterStatus, error) {
	return wire.ClusterStatus{Leader: "n1", Term: 7, Access: "users", Nodes: []wire.NodeStatus{
		{ID: "n1", Role: "voter", Up: true, Address: "127.0.0.1:7400", Peer: "127.0.0.1:7410", HTTP: "127.0.0.1:7420", Applied: 12, Version: "v1", DiskFree: 99},
	}}, nil
}

// noDefinitions: what defines is tried on nodes.
type noDefinitions struct{}

var errNoDefinitions = firn.Errorf(firn.ErrUnsupported, "a store in memory keeps no definitions")

func (noDefinitions) Define(context.Context, firn.DefinitionClass, string, []byte, firn.Expectation) (firn.Definition, error) {
	return firn.Definition{}, errNoDefinitions
}

func (noDefinitions) DefineWithID(context.Context, firn.ID, firn.DefinitionClass, string, []byte, firn.Expectation) (firn.Definition, error) {
	return firn.Definition{}, errNoDefinitions
}

func (noDefinitions) Definitions(context.Context, firn.DefinitionClass, firn.Point) ([]firn.Definition, error) {
	return nil, errNoDefinitions
}

func (noDefinitions) DefinitionVersions(context.Context, firn.DefinitionClass, string) ([]firn.Definition, error) {
	return nil, errNoDefinitions
}

func (m *memory) ask(words ...string) error {
	m.admin = append(m.admin, strings.Join(words, " "))
	return nil
}

func (m *memory) AddNode(_ context.Context, id, peer string) error { return m.ask("add", id, peer) }
func (m *memory) RemoveNode(_ context.Context, id string) error    { return m.ask("remove", id) }
func (m *memory) PromoteNode(_ context.Context, id string) error   { return m.ask("promote", id) }
func (m *memory) Transfer(_ context.Context, id string) error      { return m.ask("transfer", id) }
func (m *memory) Close() error                                     { return nil }
