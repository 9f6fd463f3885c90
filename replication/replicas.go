package replication

import (
	"encoding/json"
	"maps"
	"sync"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/raftlog"
)

// replicas is which members serve reads only, by what each says of itself. To
// Raft they are learners; so it is recorded, for good, lest one that is down be
// shown as what becomes a voter by itself.
type replicas struct {
	log *raftlog.Log // set at Open, then read only

	mu  sync.Mutex
	ids map[string]bool // as it is on disk
}

var nameReplicas = []byte("FirnReplicas") // under which the log keeps them

func (r *replicas) load() error {
	r.ids = make(map[string]bool)
	if b, err := r.log.Get(nameReplicas); err == nil {
		if err := json.Unmarshal(b, &r.ids); err != nil {
			return firn.Errorf(firn.ErrDamaged, "the read replicas in the Raft log cannot be read: %v", err)
		}
	}
	return nil
}

func (r *replicas) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[id]
}

// note takes what a member has said of itself.
func (r *replicas) note(id string, replica bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[id] == replica {
		return
	}
	next := maps.Clone(r.ids)
	if next[id] = true; !replica {
		delete(next, id)
	}
	r.record(next)
}

// forget forgets the nodes that are gone.
func (r *replicas) forget(gone func(id string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := maps.Clone(r.ids)
	maps.DeleteFunc(next, func(id string, _ bool) bool { return gone(id) })
	if len(next) < len(r.ids) {
		r.record(next)
	}
}

// record makes next what is recorded. The log ends the node when it cannot.
func (r *replicas) record(next map[string]bool) {
	if r.log.Set(nameReplicas, encode(next)) == nil {
		r.ids = next
	}
}
