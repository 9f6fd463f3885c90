package raftlog

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
)

var (
	seedFlag  = flag.Uint64("raftlog.seed", 0, "run the random tests with this seed only")
	stepsFlag = flag.Int("raftlog.steps", 60, "steps of a random test")
)

// seeds are those of a random test: the one asked for, or two that never
// change and one that always does.
func seeds() []uint64 {
	if *seedFlag != 0 {
		return []uint64{*seedFlag}
	}
	return []uint64{1, 2, uint64(time.Now().UnixNano())}
}

// onSync calls f before every sync of a file or directory.
type onSync struct{ f func(path string) }

func (onSync) String() string { return "on sync" }

func (o onSync) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		o.f(op.Path)
	}
	return nil
}

// crash is a disk as a power cut left it, and what the log on it may hold.
type crash struct {
	fs            *vfs.MemFS
	before, after string // the step under way had not happened yet, or had
	step          string
}

// The power fails at every sync of a random run. What is on the disk afterwards
// is what was acknowledged, with the step that was under way wholly there or
// wholly not, whether none, half or all of the unsynced bytes reached the disk.
func TestCrashAtEverySync(t *testing.T) {
	for _, seed := range seeds() {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("to run it again: go test ./replication/raftlog -run TestCrashAtEverySync -raftlog.seed=%d -raftlog.steps=%d", seed, *stepsFlag)
				}
			}()
			crashes := crashRun(t, seed, *stepsFlag)
			for _, c := range crashes {
				l, err := Open(dir, Options{FS: c.fs, OnFatal: func(err error) { t.Error(err) }})
				if err != nil {
					t.Fatalf("crash during %s: %v", c.step, err)
				}
				if got := contents(t, l); got != c.before && got != c.after {
					t.Fatalf("crash during %s: the log holds\n%s\nbefore it held\n%s\nafterwards it should hold\n%s", c.step, got, c.before, c.after)
				}
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if len(crashes) < *stepsFlag {
				t.Errorf("only %d crashes in %d steps", len(crashes), *stepsFlag)
			}
		})
	}
}

func crashRun(t *testing.T, seed uint64, steps int) (crashes []crash) {
	rng := rand.New(rand.NewPCG(seed, 1))
	disk := vfs.NewCrashableMem()
	var mu sync.Mutex
	now := crash{step: "the opening"}
	now.before = model{}.String()
	now.after = now.before
	fs := errorfs.Wrap(disk, onSync{func(string) {
		mu.Lock()
		defer mu.Unlock()
		c := now
		c.fs = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[rng.IntN(3)], RNG: rng})
		crashes = append(crashes, c)
	}})
	// Small tables, so that flushes and compactions are part of it.
	opts := Options{FS: fs, OnFatal: func(err error) { t.Error(err) }, MemTableBytes: 64 << 10}
	l, err := Open(dir, opts)
	must(t, err)
	w := &walk{t: t, rng: rand.New(rand.NewPCG(seed, 2)), log: l, model: model{entries: map[uint64]string{}, stable: map[string]string{}}}
	for range steps {
		step, expected, do := w.next()
		mu.Lock()
		now = crash{step: step, before: w.model.String(), after: expected.String()}
		mu.Unlock()
		must(t, do())
		mu.Lock()
		now.before = now.after
		mu.Unlock()
		w.model = expected
		if strings.HasPrefix(step, "reopen") {
			must(t, w.log.Close())
			w.log, err = Open(dir, opts)
			must(t, err)
		}
		if got := contents(t, w.log); got != w.model.String() {
			t.Fatalf("after %s the log holds\n%s\nit should hold\n%s", step, got, w.model)
		}
	}
	must(t, w.log.Close())
	return crashes
}

// walk makes the steps of a random run, and knows what each should lead to.
type walk struct {
	t     *testing.T
	rng   *rand.Rand
	log   *Log
	model model
	term  uint64

	first, last, snapshot uint64
	terms                 map[uint64]uint64  // of the entries
	received              *raft.SnapshotMeta // not adopted yet
}

func (w *walk) next() (step string, expected model, do func() error) {
	if w.terms == nil {
		w.terms, w.term = map[uint64]uint64{}, 1
	}
	m := w.model.clone()
	if w.received != nil {
		if w.rng.IntN(3) == 0 {
			return "reopening", m, func() error { return nil }
		}
		return w.adopt(m)
	}
	switch n := w.rng.IntN(20); {
	case n < 10:
		return w.append(m)
	case n < 12 && w.last > w.snapshot:
		from := w.snapshot + 1 + w.rng.Uint64N(w.last-w.snapshot)
		to := w.last
		w.remove(m, from, to)
		return fmt.Sprintf("truncating %d to %d", from, to), m, func() error { return w.log.DeleteRange(from, to) }
	case n < 14 && w.last > w.snapshot:
		return w.snap(m)
	case n < 15 && w.snapshot > 0 && w.first > 0 && w.first <= w.snapshot:
		from, to := w.first, w.first+w.rng.Uint64N(w.snapshot-w.first+1)
		w.remove(m, from, to)
		return fmt.Sprintf("compacting %d to %d", from, to), m, func() error { return w.log.DeleteRange(from, to) }
	case n < 17:
		w.term++
		term := w.term
		m.stable[nameVoteTerm] = string(be(term))
		m.stable[nameVoteCand] = fmt.Sprint("c", term)
		return fmt.Sprintf("voting in term %d", term), m, func() error {
			if err := w.log.SetUint64([]byte(nameVoteTerm), term); err != nil {
				return err
			}
			return w.log.Set([]byte(nameVoteCand), fmt.Append(nil, "c", term))
		}
	case n < 18:
		w.term++
		m.stable[nameCurrentTerm] = string(be(w.term))
		term := w.term
		return fmt.Sprintf("term %d", term), m, func() error { return w.log.SetUint64([]byte(nameCurrentTerm), term) }
	case n < 19 && w.last > 0:
		return w.image(m)
	}
	return "reopening", m, func() error { return nil }
}

func (w *walk) append(m model) (string, model, func() error) {
	from := max(w.last, w.snapshot) + 1
	var batch []*raft.Log
	for index := from; index < from+1+w.rng.Uint64N(4); index++ {
		e := &raft.Log{Index: index, Term: w.term, Data: noise(w.rng.IntN(6000), w.rng.Uint64()), AppendedAt: time.Unix(0, int64(index))}
		batch = append(batch, e)
		m.entries[index] = entryText(e)
		w.terms[index] = w.term
		w.last = index
	}
	if w.first == 0 {
		w.first = from
	}
	return fmt.Sprintf("appending %d to %d", from, w.last), m, func() error { return w.log.StoreLogs(batch) }
}

func (w *walk) snap(m model) (string, model, func() error) {
	w.snapshot += 1 + w.rng.Uint64N(w.last-w.snapshot)
	meta := raft.SnapshotMeta{Index: w.snapshot, Term: w.terms[w.snapshot], Configuration: three, ConfigurationIndex: 1}
	m.snapshot = metaText(recorded(meta))
	return fmt.Sprintf("a snapshot at %d", w.snapshot), m, func() error { return w.log.recordSnapshot(meta) }
}

// image receives an image. The next step adopts it, since nothing else is
// allowed in between.
func (w *walk) image(m model) (string, model, func() error) {
	meta := raft.SnapshotMeta{Index: w.snapshot + 1 + w.rng.Uint64N(12), Term: w.term, Configuration: three}
	if term, ok := w.terms[meta.Index]; ok && w.rng.IntN(2) == 0 {
		meta.Term = term // what the log holds, so that the entries behind it stay
	}
	m.received = metaText(recorded(meta))
	w.received = &meta
	return fmt.Sprintf("receiving an image at %d", meta.Index), m, func() error { return w.log.recordReceived(meta) }
}

func (w *walk) adopt(m model) (string, model, func() error) {
	meta := *w.received
	w.received = nil
	if w.last != 0 {
		through := w.last
		if w.terms[meta.Index] == meta.Term {
			through = meta.Index
		}
		w.remove(m, w.first, through)
	}
	w.snapshot = meta.Index
	m.snapshot, m.received = m.received, ""
	return fmt.Sprintf("adopting the image at %d", meta.Index), m, w.log.Adopt
}

func (w *walk) remove(m model, from, to uint64) {
	for index := from; index <= to; index++ {
		delete(m.entries, index)
		delete(w.terms, index)
	}
	if from <= w.first && to >= w.last {
		w.first, w.last = 0, 0
	} else if from <= w.first {
		w.first = to + 1
	} else {
		w.last = from - 1
	}
}

func be(n uint64) []byte {
	return []byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}
