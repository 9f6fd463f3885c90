package powertest

import "sync"

// hit is the one operation of a life that does not work.
type hit struct {
	// set when made, then read only
	of   func(operation) bool // which operations are counted
	at   uint64               // 0: all work
	kind fault

	// guarded by mu
	mu    sync.Mutex
	seen  uint64
	now   phase
	which operation
	when  phase // of which
}

// phase is what is done to a node.
type phase int

const (
	starting phase = iota
	running
	closing
)

func (h *hit) before(o operation) fault {
	if !h.of(o) {
		return works
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now == starting && under(o.path, logDir) {
		return works // the log's own tests let these fail
	}
	if h.seen++; h.seen != h.at {
		return works
	}
	h.which, h.when = o, h.now
	return h.kind
}

func (h *hit) enter(p phase) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = p
}

// struck returns the operation that did not work, where it has come by now, and
// whether the node must end for it: nothing may be acknowledged by a log of
// which a write or a sync has failed, and a store that cannot flush keeps its
// log for ever.
func (h *hit) struck() (o operation, fatal bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o = h.which
	return o, h.when == running && (o.kind == "write" || o.kind == "sync") && (under(o.path, logDir) || under(o.path, storeDir))
}

// Where the Raft log and the store lie.
const (
	logDir   = dataDir + "/raft"
	storeDir = dataDir + "/engine/data"
)
