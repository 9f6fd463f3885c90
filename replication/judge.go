package replication

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firndb/firn"
)

// verdict is what comparing the replicas' hashes has shown.
type verdict uint8

const (
	verdictNone     verdict = iota // nothing, too few have answered or all agree
	verdictDiverged                // no majority agrees: nobody knows who is right
	verdictMinority                // a majority agrees, and this node is not in it
)

// judgeHashes compares the hashes of the voters, and of this node, at one
// index. voters is how many there are, whether or not they answered.
func judgeHashes(own uint64, others map[string]uint64, ownVotes bool, voters int) (v verdict, majority uint64) {
	votes := map[uint64]int{}
	if ownVotes {
		votes[own]++
	}
	for _, h := range others {
		votes[h]++
	}
	for h, count := range votes {
		if count >= voters/2+1 {
			if h != own {
				return verdictMinority, h
			}
			return verdictNone, h
		}
	}
	if len(votes) > 1 {
		return verdictDiverged, 0
	}
	return verdictNone, 0
}

// judgeChain compares this node's hash with the others', at the newest index
// that all of them keep.
func (n *Node) judgeChain() {
	x := &n.exchange
	x.mu.Lock()
	at := x.at
	others, names := map[string]uint64{}, []string{}
	voters, ownVotes := 0, false
	for _, s := range n.members() {
		if s.Suffrage != voter {
			continue
		}
		voters++
		id := string(s.ID)
		if id == n.o.ID {
			ownVotes = true
		} else if p := x.peers[id]; p != nil && p.up && p.hash != nil && p.hashAt == at {
			others[id] = *p.hash
			names = append(names, fmt.Sprintf("%s has %016x", id, *p.hash))
		}
	}
	x.mu.Unlock()
	own, ok := n.o.Machine.ChainAt(at)
	if at == 0 || !ok || len(others) == 0 {
		return
	}
	slices.Sort(names)
	switch v, majority := judgeHashes(own, others, ownVotes, voters); v {
	case verdictMinority:
		n.fatal(firn.Errorf(firn.ErrDamaged, "at index %d this node's hash chain is %016x, that of the majority %016x: what this node holds is not what was committed; remove it from the cluster and add it anew with an empty directory", at, own, majority))
	case verdictDiverged:
		err := firn.Errorf(firn.ErrUnavailable, "the replicas' hash chains differ at index %d and no majority agrees: %s has %016x, %s; nothing is appended until they do. Run firn verify on each node, and stop the one that is damaged", at, n.o.ID, own, strings.Join(names, ", "))
		if n.diverged.Swap(err) == nil {
			n.log.Error("the replicas differ", "error", err)
		}
	case verdictNone:
		n.diverged.Store(nil)
	}
}

// Clocks further apart than this are shown, or keep a node from proposing.
const (
	clockWarn   = 2 * time.Second
	clockRefuse = 5 * time.Second
)

// clockError says how far this node's clock is ahead of the median of a
// majority of the members, its own among them. offsets are the others' clocks
// minus this node's. Not ok where less than a majority is heard.
func clockError(offsets []time.Duration, members int) (ahead time.Duration, ok bool) {
	all := append([]time.Duration{0}, offsets...)
	if len(all) < members/2+1 || len(all) < 2 {
		return 0, false
	}
	slices.Sort(all)
	// With an even number the median that is nearer to this node counts: of two
	// clocks nobody can say which is wrong.
	low, high := all[(len(all)-1)/2], all[len(all)/2]
	if low.Abs() < high.Abs() {
		return -low, true
	}
	return -high, true
}

// judgeClock compares this node's clock with the others'.
func (n *Node) judgeClock() {
	var offsets []time.Duration
	others := n.others()
	for _, m := range others {
		if p := n.exchange.peer(m.ID); p.up {
			offsets = append(offsets, p.offset)
		}
	}
	ahead, _ := clockError(offsets, len(others)+1)
	before := time.Duration(n.clockAhead.Swap(int64(ahead)))
	if off := ahead.Abs() > clockWarn; off != (before.Abs() > clockWarn) {
		n.log.Warn("this node's clock against the others'", "ahead", ahead, "off", off)
	}
}

// clockOff reports whether the clock is too far off to stamp what is proposed.
func (n *Node) clockOff() (ahead time.Duration, off bool) {
	ahead = time.Duration(n.clockAhead.Load())
	return ahead, ahead.Abs() > clockRefuse
}
