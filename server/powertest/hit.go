package powertest

import (
	"strings"
	"sync"
)

// hit is the one operation on the Raft log that does not work while a node runs.
type hit struct {
	// set when made, then read only
	at   uint64 // 0: all work
	kind fault

	// guarded by mu
	mu    sync.Mutex
	seen  uint64
	runs  bool // the node has started, and is not being closed
	which operation
}

func (h *hit) before(o operation) fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.runs || !strings.HasPrefix(o.path, logDir) || !o.changes() {
		return works
	}
	if h.seen++; h.seen != h.at {
		return works
	}
	h.which = o
	return h.kind
}

// running notes whether the node runs, and is neither started nor closed.
func (h *hit) running(yes bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.runs = yes
}

// struck returns the operation that did not work, where it has come by now, and
// whether the node must end for it: nothing may be acknowledged by a log of
// which a write or a sync has failed.
func (h *hit) struck() (o operation, fatal bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	o = h.which
	return o, (o.kind == "write" || o.kind == "sync") && strings.HasPrefix(o.path, logDir)
}

// logDir is where the operations are that may fail.
const logDir = dataDir + "/raft"
