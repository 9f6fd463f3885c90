package replication

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/raftlog"
)

// Node is this process's seat in the Raft group. All methods may be called by
// many goroutines at once.
type Node struct {
	// set at Open, then read only
	o         Options
	log       *slog.Logger
	raft      *raft.Raft
	transport *transport
	disk      *disk
	fsm       *fsm
	images    *images
	queue     *coalescer
	reads     *reads
	ctx       context.Context // ends when Close begins to shut Raft down
	cancel    context.CancelFunc
	closing   chan struct{} // closed then, too

	// each guards itself
	admission  admission
	replicas   replicas
	exchange   exchange
	space      space
	refusal    refusal
	leadership leadership
	clock      clock

	stopping atomic.Bool // Close was called
	failed   atomic.Pointer[firn.Error]
	diverged atomic.Pointer[firn.Error]

	// owned by runExchange
	committedBefore uint64
	looked          look // at the clock, before the others were asked
	clockWarned     bool

	closeOnce sync.Once
	closed    error
	running   sync.WaitGroup
}

// Open takes this replica's seat. See the package comment for what must be
// open before. A log whose data and the machine's do not fit together is
// refused with [firn.ErrDamaged], before it can vote.
func Open(o Options) (*Node, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	if err := adoptImage(o.Log, o.Machine); err != nil {
		return nil, err
	}
	if !o.rules.unchecked {
		if err := checkStart(o.Log, o.Machine); err != nil {
			return nil, err
		}
	}
	n := &Node{o: o, log: o.Logger.With("node", o.ID), closing: make(chan struct{})}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.admission.log = o.Log
	n.clock.open(o.Now)
	if err := n.admission.load(); err != nil {
		return nil, fmt.Errorf("replication: %w", err)
	}
	n.replicas.log = o.Log
	if err := n.replicas.load(); err != nil {
		return nil, fmt.Errorf("replication: %w", err)
	}
	n.exchange.peers = make(map[string]*peerState)
	n.exchange.poke = make(chan struct{}, 1)
	n.leadership.changed = make(chan struct{})
	n.space.probe, n.space.reserve = o.Self.DiskFree, o.Self.DiskReserve
	n.reads = &reads{node: n, wake: make(chan struct{}, 1)}
	n.queue = &coalescer{
		limit: o.Limits.QueueBytes, send: n.send, entry: o.Metrics.Entry, wake: make(chan struct{}, 1),
		note: n.refusal.note, fail: n.explain,
	}
	if err := n.openRaft(); err != nil {
		n.cancel()
		return nil, err
	}
	o.Port.Handle(callStatus, n.answerStatus)
	o.Port.Handle(callReadIndex, n.answerReadIndex)
	n.running.Go(func() { n.queue.run(n.closing) })
	n.running.Go(n.reads.run)
	n.running.Go(n.watchLeadership)
	n.running.Go(n.runExchange)
	n.running.Go(n.runTrim)
	if !o.rules.noWatchdogs {
		n.running.Go(n.watch)
	}
	return n, nil
}

func (n *Node) openRaft() error {
	o := &n.o
	n.disk = &disk{LogStore: o.Log, kept: o.Log, before: o.BeforeWrite, failed: n.diskFailed}
	if o.rules.wrapLog != nil {
		n.disk.LogStore = o.rules.wrapLog(o.Log)
	}
	done, _ := o.Machine.Applied()
	n.fsm = &fsm{machine: o.Machine, disk: n.disk, fatal: n.fatal, restart: n.restart, joined: n.admission.prune, start: done}
	if err := n.fsm.configurations.collect(o.Log, done); err != nil {
		return err
	}
	n.transport = newTransport(o.Port.Raft(), o)
	if !n.admission.admitted.Load() && !o.rules.anyDisk {
		n.transport.bar(gateAdmission)
	}
	n.images = &images{machine: o.Machine, configurations: &n.fsm.configurations}
	config, snapshots := o.config(), raftlog.NewSnapshots(o.Log, n.images)
	err := n.bootstrap(config, snapshots)
	if err == nil {
		n.raft, err = raft.NewRaft(config, n.fsm, n.disk, o.Log, snapshots, n.transport)
	}
	if err != nil {
		_ = n.transport.Close()
		return fmt.Errorf("replication: start Raft: %w", err)
	}
	o.Log.Running()
	return nil
}

// closeWait bounds each step of Close. A disk that hangs must not keep a node
// from being closed.
const closeWait = 2 * time.Second

// Close hands leadership on, waits for what is on its way, and leaves Raft.
// What is queued is refused; nothing of it was done. The machine, the log and
// the port can be closed afterwards.
func (n *Node) Close() error {
	n.closeOnce.Do(func() { n.closed = n.close(true) })
	return n.closed
}

func (n *Node) close(handOn bool) error {
	ctx, cancel := context.WithTimeout(n.ctx, closeWait)
	defer cancel()
	if _, needed := n.quorum(); handOn && needed > 0 {
		if _, leads := n.leading(); leads && n.failure() == nil {
			if err := n.Transfer(ctx, ""); err != nil {
				n.log.Info("stopping without handing leadership on", "error", err)
			}
		}
	}
	n.stopping.Store(true)
	n.queue.stop(errClosed)
	n.queue.drain(closeWait)
	n.queue.abandon(n.explain(raft.ErrRaftShutdown))
	n.cancel()
	close(n.closing)
	done := make(chan error, 1)
	ended := n.raft.Shutdown()
	err := n.transport.Close() // calls under way end now, not when their time is over
	go func() {
		_ = ended.Error()
		n.running.Wait()
		done <- err
	}()
	late := time.NewTimer(closeWait)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return firn.Errorf(firn.ErrUnavailable, "node %s did not stop within %v; something below it hangs", n.o.ID, closeWait)
	}
}

func (n *Node) isClosing() bool { return n.stopping.Load() }

// fatal ends this node's part in the cluster: the gate closes, so that the
// others elect another leader, and nothing is proposed any more. What happens
// to the process is the caller's to say.
func (n *Node) fatal(err error) {
	known, ok := err.(*firn.Error)
	if !ok {
		known = firn.Errorf(firn.ErrInternal, "%v", err)
	}
	if !n.failed.CompareAndSwap(nil, known) {
		return
	}
	n.log.Error("this node must not go on", "error", err)
	if n.transport != nil {
		n.transport.bar(gateFatal)
	}
	n.queue.stop(firn.Errorf(firn.ErrUnavailable, "this node takes no part in the cluster any more: %v; nothing was done", err))
	n.queue.abandon(n.explain(err))
	go n.o.OnFatal(known)
}

func (n *Node) failure() *firn.Error { return n.failed.Load() }

// diskFailed is told that the log refused a write. After an image has come in
// that is what it should do, until the replica is opened again.
func (n *Node) diskFailed(err error) {
	if _, _, waiting := n.o.Log.Received(); waiting || n.isClosing() || n.o.rules.noWatchdogs {
		return
	}
	n.fatal(err)
}

// answerWait is how long a replica stays open that has received an image, so
// that the sender hears of it: else it would send the image again.
const answerWait = 100 * time.Millisecond

// restart has this replica opened again. Until then the gate is closed: a leader
// whose entries are refused meanwhile takes it for one that lacks those before,
// and, where its log does not have them, would send the image again and again.
func (n *Node) restart(reason string) {
	n.transport.bar(gateRestart)
	n.log.Info("this replica must be opened again", "reason", reason)
	go func() {
		select {
		case <-time.After(answerWait):
			n.o.OnRestart(reason)
		case <-n.closing:
		}
	}()
}
