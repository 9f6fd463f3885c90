package replication

import (
	"time"

	"github.com/hashicorp/raft"
)

// pulse is what a peer's answers say of how it follows in a term.
type pulse struct {
	term    uint64
	beat    time.Time // when its newest answer to a heartbeat came
	matches bool      // its log was found to be the sender's, and no image was sent since
}

// notePulse takes an answer of the sender's own term.
func (t *transport) notePulse(id raft.ServerID, args *raft.AppendEntriesRequest, success bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pulses[id]
	if p.term != args.Term {
		p = pulse{term: args.Term}
	}
	// A heartbeat names no entry, so its success says nothing about the log.
	if len(args.Entries) == 0 && args.PrevLogEntry == 0 && args.LeaderCommitIndex == 0 {
		p.beat = time.Now()
	} else if success {
		p.matches = true
	}
	t.pulses[id] = p
}

// noteImage is called before an image is sent.
func (t *transport) noteImage(id raft.ServerID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pulses[id]
	p.matches = false
	t.pulses[id] = p
}

// follows reports whether a peer's log grows with this one's in a term, and it has
// answered a heartbeat since so long ago.
func (t *transport) follows(id raft.ServerID, term uint64, d time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pulses[id]
	return p.term == term && p.matches && time.Since(p.beat) < d
}
