package replication

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/firndb/firn/replication/raftlog"
)

// disk stands between Raft and its log. It knows since when a write has been
// under way, which nobody else can tell while the write hangs, and the term
// and the type of the newest entries without reading them.
type disk struct {
	raft.LogStore

	kept   *raftlog.Log // the log itself, whatever stands before it
	before func()       // called before each write
	failed func(error)
	write  stopwatch
	tail   tail
}

func (d *disk) StoreLog(entry *raft.Log) error { return d.StoreLogs([]*raft.Log{entry}) }

func (d *disk) StoreLogs(entries []*raft.Log) error {
	d.write.start()
	defer d.write.stop()
	d.before()
	d.tail.add(entries)
	err := d.LogStore.StoreLogs(entries)
	if err != nil {
		d.failed(err)
	}
	return err
}

func (d *disk) DeleteRange(first, last uint64) error {
	d.write.start()
	defer d.write.stop()
	d.before()
	err := d.LogStore.DeleteRange(first, last)
	if err != nil {
		d.failed(err)
	}
	return err
}

// entry returns an entry's term and type.
func (d *disk) entry(index uint64) (term uint64, kind raft.LogType, err error) {
	if e, ok := d.tail.get(index); ok {
		return e.term, e.kind, nil
	}
	e, err := d.kept.Entry(index)
	if err != nil {
		return 0, 0, err
	}
	return e.Term, e.Type, nil
}

// tail remembers the term and type of the entries written last. Slot i%len
// holds entry i, or another one; what it holds of a committed index is true.
type tail struct {
	mu    sync.Mutex
	slots [1024]tailEntry
}

type tailEntry struct {
	index, term uint64
	kind        raft.LogType
}

func (t *tail) add(entries []*raft.Log) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range entries {
		t.slots[e.Index%uint64(len(t.slots))] = tailEntry{e.Index, e.Term, e.Type}
	}
}

func (t *tail) get(index uint64) (tailEntry, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.slots[index%uint64(len(t.slots))]
	return e, e.index == index && index != 0
}

// stopwatch says since when the one thing that it watches has been under way.
type stopwatch struct{ since atomic.Pointer[time.Time] }

func (s *stopwatch) start() {
	now := time.Now()
	s.since.Store(&now)
}

func (s *stopwatch) stop() { s.since.Store(nil) }
