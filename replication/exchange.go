package replication

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
)

// exchange is what this node knows about the others. Each second it asks every
// other member for its report and gives its own; see [report].
type exchange struct {
	poke   chan struct{} // ask now
	rounds atomic.Uint64 // how often all were asked

	mu    sync.Mutex
	peers map[string]*peerState
	hints []member // from a question, while this node knows no member itself
	at    uint64   // the index at which hashes are compared
}

// peerState is what was last heard of a peer.
type peerState struct {
	report report
	up     bool          // it answered the last question
	offset time.Duration // its clock minus this node's
	hash   *uint64       // at index hashAt
	hashAt uint64
	knows  bool // it has recorded this node's disk
}

func (x *exchange) now() {
	select {
	case x.poke <- struct{}{}:
	default:
	}
}

// peer returns a copy of what is known about a node.
func (x *exchange) peer(id string) peerState {
	x.mu.Lock()
	defer x.mu.Unlock()
	if p := x.peers[id]; p != nil {
		return *p
	}
	return peerState{}
}

// forgetAllBut forgets nodes that are members no more: what comes anew under the
// same name has yet to be heard.
func (n *Node) forgetAllBut(members []member) {
	gone := func(id string) bool {
		return !slices.ContainsFunc(members, func(m member) bool { return m.ID == id })
	}
	n.replicas.forget(gone)
	x := &n.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	maps.DeleteFunc(x.peers, func(id string, _ *peerState) bool { return gone(id) })
}

// runExchange asks once a second, and acts on what it hears.
func (n *Node) runExchange() {
	tick := time.NewTicker(n.o.Timing.Exchange)
	defer tick.Stop()
	for {
		n.watchSpace()
		n.askAll()
		n.seekAdmission()
		n.judgeChain()
		n.judgeClock()
		n.leadOn()
		select {
		case <-tick.C:
		case <-n.exchange.poke:
		case <-n.closing:
			return
		}
	}
}

// others returns the members to ask.
func (n *Node) others() []member {
	var all []member
	for _, s := range n.memberList() {
		if s.ID != n.o.ID {
			all = append(all, s)
		}
	}
	return all
}

// memberList returns the members as Raft knows them, or as others have said.
func (n *Node) memberList() []member {
	var all []member
	for _, s := range n.members() {
		all = append(all, member{string(s.ID), string(s.Address), s.Suffrage == voter})
	}
	if len(all) > 0 {
		return all
	}
	n.exchange.mu.Lock()
	defer n.exchange.mu.Unlock()
	return n.exchange.hints
}

func (n *Node) askAll() {
	others := n.others()
	n.forgetAllBut(others)
	n.looked = n.clock.look()
	q := encode(question{Report: n.report(), Members: n.memberList(), At: n.commonIndex(others)})
	ctx, cancel := context.WithTimeout(n.ctx, max(n.o.Timing.Exchange, 2*n.o.Timing.Heartbeat))
	defer cancel()
	var wg sync.WaitGroup
	for _, m := range others {
		wg.Go(func() { n.ask(ctx, m, q) })
	}
	wg.Wait()
	n.exchange.rounds.Add(1)
}

// commonIndex is the newest index at which all that are up keep their hash.
func (n *Node) commonIndex(others []member) uint64 {
	x := &n.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	at, _ := n.newestKept()
	for _, m := range others {
		if p := x.peers[m.ID]; p != nil && p.up {
			at = min(at, p.report.Chain)
		}
	}
	x.at = at
	return at
}

// newestKept returns the newest index at which this node's hash is kept.
func (n *Node) newestKept() (uint64, bool) {
	index, _ := n.o.Machine.Applied()
	at := index - index%ChainEvery
	_, ok := n.o.Machine.ChainAt(at)
	if !ok {
		at = 0
	}
	return at, ok
}

func (n *Node) ask(ctx context.Context, m member, q []byte) {
	begun := time.Now()
	body, err := n.o.Port.Call(ctx, m.ID, m.Peer, callStatus, q)
	var a answerReport
	if err == nil {
		err = decode(body, &a)
	}
	half := time.Since(begun) / 2
	if err == nil {
		n.mustKnow(&a.Report)
		n.replicas.note(m.ID, a.Report.Replica)
	}
	x := &n.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.peers[m.ID]
	if p == nil {
		p = new(peerState)
		x.peers[m.ID] = p
	}
	if p.up != (err == nil) {
		n.log.Info("a member's state has changed", "member", m.ID, "up", err == nil, "error", err)
	}
	if err != nil {
		p.up = false
		return
	}
	p.up, p.report, p.hash, p.hashAt, p.knows = true, a.Report, a.Hash, x.at, a.Knows
	p.offset = time.UnixMicro(a.Report.Clock).Sub(n.looked.after(begun.Add(half)))
	if a.Refused != "" {
		n.refused(m.ID, a.Refused)
	}
}

// answerStatus is the peer port's handler for callStatus.
func (n *Node) answerStatus(_ context.Context, from string, body []byte) ([]byte, error) {
	if err := n.serving(); err != nil {
		return nil, err // it takes no part, so its hash and its clock do not count
	}
	var q question
	if err := decode(body, &q); err != nil {
		return nil, err
	}
	if q.Report.ID != from {
		return nil, firn.Errorf(firn.ErrInvalid, "node %q asks in the name of node %q", from, q.Report.ID)
	}
	n.mustKnow(&q.Report)
	if len(n.members()) == 0 {
		n.exchange.mu.Lock()
		n.exchange.hints = q.Members
		n.exchange.mu.Unlock()
	}
	if !n.admission.admitted.Load() && !n.exchange.peer(from).knows {
		n.exchange.now() // somebody is there to be admitted by
	}
	a := answerReport{Report: n.report()}
	a.Knows, a.Refused = n.admission.judge(from, q.Report.Disk, q.Report.Admitted, n.listed(from))
	if hash, ok := n.o.Machine.ChainAt(q.At); ok && q.At > 0 {
		a.Hash = &hash
	}
	return encode(a), nil
}

// mustKnow ends this node where another one is at a cluster version that this one
// cannot do: one of an older release that was started after the cluster had moved.
// Else it would go on until it came upon the entry, or was sent an image.
func (n *Node) mustKnow(r *report) {
	if knows := n.o.Machine.Knows(); r.Cluster > knows {
		n.fatal(firn.Errorf(firn.ErrUnsupported, "the cluster is at version %d, as node %s says, and this release knows %d; start this node with the release that the others run, or a later one", r.Cluster, r.ID, knows))
	}
}

func (n *Node) report() report {
	index, _ := n.o.Machine.Applied()
	chain, _ := n.newestKept()
	return report{
		ID: n.o.ID, Client: n.o.Self.Client, HTTP: n.o.Self.HTTP, Version: n.o.Self.Version,
		Knows: n.o.Machine.Knows(), Cluster: n.o.Machine.ClusterVersion(), Replica: n.o.Self.Replica,
		Term: n.raft.CurrentTerm(), Applied: index, Commit: n.raft.CommitIndex(), Chain: chain,
		Clock: n.o.Now().UnixMicro(), DiskFree: n.space.free.Load(), Full: n.space.full.Load(),
		Disk: n.admission.disk, Admitted: n.admission.admitted.Load(),
	}
}

// askReadIndex asks the leader for the index of a linearizable read.
func (n *Node) askReadIndex(ctx context.Context) (uint64, error) {
	addr, id := n.raft.LeaderWithID()
	if id == "" || string(id) == n.o.ID {
		return 0, firn.Errorf(firn.ErrUnavailable, "node %s knows no leader at present, so it cannot serve a linearizable read; try again, or read with local consistency", n.o.ID)
	}
	body, err := n.o.Port.Call(ctx, string(id), string(addr), callReadIndex, nil)
	if err == nil && len(body) != 8 {
		err = firn.Errorf(firn.ErrInvalid, "the leader's answer has %d bytes, want 8", len(body))
	}
	if err != nil {
		return 0, firn.Errorf(firn.ErrUnavailable, "the leader %s did not confirm the read: %v; try again", id, err)
	}
	return binary.BigEndian.Uint64(body), nil
}

// answerReadIndex is the peer port's handler for callReadIndex. It does not
// pass the question on: only a leader answers.
func (n *Node) answerReadIndex(ctx context.Context, _ string, _ []byte) ([]byte, error) {
	if _, ok := n.leading(); !ok {
		return nil, n.notLeader()
	}
	index, err := n.reads.index(ctx)
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint64(nil, index), nil
}
