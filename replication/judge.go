package replication

import (
	"fmt"
	"slices"
	"strings"

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
