package replication

import "sync"

// leadership tells others in this process when this node begins or ceases to
// lead.
type leadership struct {
	mu      sync.Mutex
	changed chan struct{} // closed by the next change
}

// turn tells that something has changed.
func (l *leadership) turn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
}

// Leadership returns the term in which this node leads, or, where it does not,
// who does: the error that a Propose would return. changed is closed when that
// may be no longer so.
//
// A new leader may not have applied yet what earlier ones acknowledged: see
// ReadIndex.
func (n *Node) Leadership() (term uint64, changed <-chan struct{}, err error) {
	n.leadership.mu.Lock()
	changed = n.leadership.changed
	n.leadership.mu.Unlock()
	if err := n.mustLead(); err != nil {
		return 0, changed, err
	}
	term, _ = n.leading()
	return term, changed, nil
}
