package raftlog

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// inbound is a transport by which a test speaks to one Raft; it reaches nobody.
type inbound struct {
	raft.Transport
	calls chan raft.RPC
}

func newInbound() *inbound {
	_, t := raft.NewInmemTransport("f")
	return &inbound{t, make(chan raft.RPC)}
}

func (i *inbound) Consumer() <-chan raft.RPC          { return i.calls }
func (i *inbound) SetHeartbeatHandler(func(raft.RPC)) {}

// call makes a request and waits for Raft's answer.
func (i *inbound) call(request any, body io.Reader) (any, error) {
	answer := make(chan raft.RPCResponse, 1)
	late := time.After(time.Minute) // virtual
	select {
	case i.calls <- raft.RPC{Command: request, Reader: body, RespChan: answer}:
	case <-late:
		return nil, errors.New("Raft does not take the request")
	}
	select {
	case a := <-answer:
		return a.Response, a.Error
	case <-late:
		return nil, errors.New("Raft does not answer")
	}
}

func header(id string) raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: 3, ID: []byte(id), Addr: []byte(id)}
}

func (i *inbound) vote(t *testing.T, candidate string, term, lastIndex, lastTerm uint64) bool {
	t.Helper()
	a, err := i.call(&raft.RequestVoteRequest{RPCHeader: header(candidate), Term: term,
		LastLogIndex: lastIndex, LastLogTerm: lastTerm, LeadershipTransfer: true}, nil)
	if err != nil {
		t.Logf("%s asks for a vote in term %d: %v", candidate, term, err)
		return false
	}
	return a.(*raft.RequestVoteResponse).Granted
}

func (i *inbound) append(t *testing.T, leader string, term, prevIndex, prevTerm uint64, list []*raft.Log, commit uint64) bool {
	t.Helper()
	a, err := i.call(&raft.AppendEntriesRequest{RPCHeader: header(leader), Term: term,
		PrevLogEntry: prevIndex, PrevLogTerm: prevTerm, Entries: list, LeaderCommitIndex: commit}, nil)
	if err != nil {
		t.Logf("%s appends %d entries: %v", leader, len(list), err)
		return false
	}
	return a.(*raft.AppendEntriesResponse).Success
}

var voters = raft.Configuration{Servers: []raft.Server{{ID: "f", Address: "f"}, {ID: "a", Address: "a"}, {ID: "b", Address: "b"}}}

// machine is a state machine that remembers the last index it applied.
type machine struct{ applied uint64 }

func (m *machine) Apply(l *raft.Log) any               { m.applied = l.Index; return nil }
func (m *machine) Snapshot() (raft.FSMSnapshot, error) { return flushed{}, nil }
func (m *machine) Restore(r io.ReadCloser) error       { return r.Close() }

type flushed struct{}

func (flushed) Persist(s raft.SnapshotSink) error { s.(*Sink).Flushed(); return s.Close() }
func (flushed) Release()                          {}

// start starts a Raft that never stands for election by itself.
func start(t *testing.T, l *Log, images Images) (*raft.Raft, *inbound) {
	t.Helper()
	c := raft.DefaultConfig()
	c.LocalID = "f"
	c.Logger = hclog.NewNullLogger()
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = 24*time.Hour, 24*time.Hour, time.Hour
	c.SnapshotInterval = 24 * time.Hour
	c.NoSnapshotRestoreOnStart = true
	c.TrailingLogs = 5
	in := newInbound()
	snapshots := NewSnapshots(l, images)
	if known, err := raft.HasExistingState(l, l, snapshots); err != nil {
		t.Fatal(err)
	} else if !known {
		must(t, raft.BootstrapCluster(c, l, l, snapshots, in, voters))
	}
	r, err := raft.NewRaft(c, &machine{}, l, l, snapshots, in)
	must(t, err)
	l.Running()
	return r, in
}
