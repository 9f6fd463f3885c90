package replication

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn/internal/planted"
)

// transport is Raft's network, with three things added around the library's:
//
//   - Heartbeats take the same way as every other request, so that a leader
//     which is deposed by one has stopped writing before it answers. On the
//     library's fast path it may go on, and write under the new term.
//   - Every AppendEntries is numbered as it is sent, and the highest number
//     that each peer has answered is kept: what linearizable reads stand on.
//   - A gate cuts the node off from Raft in both directions while it must not
//     take part. Raft keeps running behind it.
//
// It embeds *raft.NetworkTransport, and not only the interface, so that pre-vote
// (a second interface) stays.
type transport struct {
	*raft.NetworkTransport

	// set when made, then read only
	rules rules
	rpcs  chan raft.RPC
	done  chan struct{}
	over  sync.Once

	closed atomic.Uint32 // a bit for each reason why the gate is closed

	mu       sync.Mutex
	sent     uint64 // number of the last AppendEntries
	answered map[raft.ServerID]answer
	pulses   map[raft.ServerID]pulse
	news     chan struct{} // closed and replaced at each answer, where somebody waits
}

// answer is the newest AppendEntries, by number, that a peer has answered while
// its term was the sender's.
type answer struct{ term, number uint64 }

// Reasons for the gate to be closed.
const (
	gateAdmission uint32 = 1 << iota // the others have not said yet that this disk is the one they know
	gateSpace                        // the disk is too full
	gateFatal                        // the node must not go on
	gateRestart                      // an image has come in, and the log takes no entries until the replica is opened again
)

var errGate = errors.New("this node does not take part in Raft at present")

func newTransport(stream raft.StreamLayer, o *Options) *transport {
	inFlight := 1 // no pipelining: a follower was cut off for good after a brief error of its log
	if o.rules.pipelining {
		inFlight = 0
	}
	t := &transport{
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream:          stream,
			MaxPool:         3,
			MaxRPCsInFlight: inFlight,
			Timeout:         max(2*time.Second, 4*o.Timing.Heartbeat),
			Logger:          newLogger(o.Logger.With("part", "raft-transport")),
		}),
		rules:    o.rules,
		rpcs:     make(chan raft.RPC),
		done:     make(chan struct{}),
		answered: make(map[raft.ServerID]answer),
		pulses:   make(map[raft.ServerID]pulse),
	}
	go t.deliver()
	return t
}

// SetHeartbeatHandler is what the library gives the fast path with. Without
// it, heartbeats come out of Consumer.
func (t *transport) SetHeartbeatHandler(fast func(raft.RPC)) {
	if t.rules.fastHeartbeats {
		t.NetworkTransport.SetHeartbeatHandler(fast)
	}
}

// Consumer gives Raft the requests that pass the gate.
func (t *transport) Consumer() <-chan raft.RPC { return t.rpcs }

func (t *transport) deliver() {
	from := t.NetworkTransport.Consumer()
	for {
		select {
		case rpc := <-from:
			if t.closed.Load() != 0 {
				if rpc.Reader != nil {
					_, _ = io.Copy(io.Discard, rpc.Reader) // what follows in the stream is the next request
				}
				rpc.Respond(nil, errGate)
				continue
			}
			select {
			case t.rpcs <- rpc:
			case <-t.done:
				rpc.Respond(nil, raft.ErrTransportShutdown)
				return
			}
		case <-t.done:
			return
		}
	}
}

// Close ends the transport. Raft calls it when it has shut down.
func (t *transport) Close() error {
	t.over.Do(func() { close(t.done) })
	err := t.NetworkTransport.Close()
	t.CloseStreams()
	return err
}

// bar and admit close and open the gate for one reason.
func (t *transport) bar(reason uint32)   { t.closed.Or(reason) }
func (t *transport) admit(reason uint32) { t.closed.And(^reason) }
func (t *transport) barred() bool        { return t.closed.Load() != 0 }

// AppendEntries numbers the call before a byte of it leaves.
func (t *transport) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if t.barred() {
		return errGate
	}
	if planted.Is(planted.AckBeforeMajority) && len(args.Entries) > 0 { // what is on its way counts as stored
		early := *args
		go t.NetworkTransport.AppendEntries(id, target, &early, new(raft.AppendEntriesResponse))
		resp.Term, resp.Success = args.Term, true
		return nil
	}
	if planted.Is(planted.CommitAhead) && len(args.Entries) == 0 { // to a heartbeat, all of a follower's log counts as committed
		early := *args
		early.LeaderCommitIndex = 1 << 62
		args = &early
	}
	t.mu.Lock()
	t.sent++
	number := t.sent
	t.mu.Unlock()
	err := t.NetworkTransport.AppendEntries(id, target, args, resp)
	if t.rules.hold != nil {
		t.rules.hold(id)
	}
	// A peer that answers with the caller's own term has, at that moment, not
	// seen a later one. Whether it took the entries does not matter here.
	if err == nil && resp.Term == args.Term {
		t.note(id, answer{args.Term, number})
		t.notePulse(id, args, resp.Success)
	}
	return err
}

func (t *transport) note(id raft.ServerID, a answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := t.answered[id]; a.term < last.term || a.term == last.term && a.number <= last.number {
		return
	}
	t.answered[id] = a
	if t.news != nil {
		close(t.news)
		t.news = nil
	}
}

// mark returns a number such that every AppendEntries with a higher one is sent
// after now.
func (t *transport) mark() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent
}

// confirmed counts which of the servers have answered, in this term, a call
// sent after the mark. The channel is closed when there may be more.
func (t *transport) confirmed(servers []raft.ServerID, term, mark uint64) (n int, more <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range servers {
		if a := t.answered[id]; a.term == term && a.number > mark {
			n++
		}
	}
	if t.news == nil {
		t.news = make(chan struct{})
	}
	return n, t.news
}

// RequestVote, RequestPreVote, InstallSnapshot and TimeoutNow only respect the gate.
func (t *transport) RequestVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	if t.barred() {
		return errGate
	}
	return t.NetworkTransport.RequestVote(id, target, args, resp)
}

func (t *transport) RequestPreVote(id raft.ServerID, target raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	if t.barred() {
		return errGate
	}
	return t.NetworkTransport.RequestPreVote(id, target, args, resp)
}

func (t *transport) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	if t.barred() {
		return errGate
	}
	t.noteImage(id)
	return t.NetworkTransport.InstallSnapshot(id, target, args, resp, data)
}

func (t *transport) TimeoutNow(id raft.ServerID, target raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	if t.barred() {
		return errGate
	}
	return t.NetworkTransport.TimeoutNow(id, target, args, resp)
}
