package replication

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
)

// refusal notes since when a leader has refused everything because, it says,
// leadership is being handed on. The library may forget that a transfer has
// ended, and then refuses for ever.
type refusal struct{ since atomic.Pointer[time.Time] }

func (r *refusal) note(err error) {
	if !errors.Is(err, raft.ErrLeadershipTransferInProgress) {
		r.since.Store(nil)
		return
	}
	now := time.Now()
	r.since.CompareAndSwap(nil, &now)
}

func (r *refusal) lasts() time.Duration {
	if since := r.since.Load(); since != nil {
		return time.Since(*since)
	}
	return 0
}

// patience counts for how many looks in a row the same thing has been under
// way. It counts looks, not time: a process that was paused as a whole has not
// seen its disk hang.
type patience struct {
	of    *stopwatch
	since *time.Time
	looks int
}

// look returns for how many looks the thing has been under way.
func (p *patience) look() int {
	since := p.of.since.Load()
	if since == nil || since != p.since {
		p.since, p.looks = since, 0
		return 0
	}
	p.looks++
	return p.looks
}

// watch ends the node when something that must go on does not. A leader whose
// disk or machine hangs would otherwise stay leader for ever, since its
// heartbeats leave all the same.
func (n *Node) watch() {
	const looks = 16
	limit := n.o.Timing.Stall
	tick := time.NewTicker(limit / looks)
	defer tick.Stop()
	write, apply := patience{of: &n.disk.write}, patience{of: &n.fsm.apply}
	for {
		select {
		case <-tick.C:
		case <-n.closing:
			return
		}
		if write.look() >= looks {
			n.fatal(firn.Errorf(firn.ErrUnavailable, "a write to the Raft log has not ended for %v; look at the disk, then start the node again", limit))
		}
		if apply.look() >= looks {
			n.fatal(firn.Errorf(firn.ErrUnavailable, "applying the newest entries has not ended for %v; look at the disk, then start the node again", limit))
		}
		n.watchRefusal()
	}
}

// watchRefusal ends a leader that refuses for too long. Whether it still does
// is asked with a change of the members that can never be made (it names a
// configuration that does not exist), so asking writes nothing.
func (n *Node) watchRefusal() {
	if n.refusal.lasts() <= n.o.Timing.Refusal {
		return
	}
	if _, leads := n.leading(); !leads {
		n.refusal.note(nil)
		return
	}
	probe := n.raft.DemoteVoter("", 1<<63, n.o.Timing.Heartbeat)
	err := probe.Error()
	n.refusal.note(err)
	if errors.Is(err, raft.ErrLeadershipTransferInProgress) {
		n.fatal(firn.Errorf(firn.ErrUnavailable, "this node leads and has refused every append for more than %v, because a transfer of leadership did not end; start it again", n.o.Timing.Refusal))
	}
}
