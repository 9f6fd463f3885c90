package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/enginetest"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/testenv"
)

// entriesOf returns a log of entries with appends, conflicts, repetitions and
// changes of life. The same seed gives the same log.
func entriesOf(seed uint64, n int) []engine.Entry {
	rng := rand.New(rand.NewPCG(seed, 9))
	id := func() firn.ID { return randomID(rng) }
	var sent []command.Item
	item := func() command.Item {
		if len(sent) > 0 && rng.IntN(8) == 0 {
			return sent[rng.IntN(len(sent))]
		}
		stream := fmt.Appendf(nil, "s-%d", rng.IntN(12))
		expect := []firn.Expectation{firn.Any, firn.Any, firn.Exists, firn.None, firn.At(firn.Revision(rng.IntN(20)))}[rng.IntN(5)]
		if rng.IntN(10) == 0 {
			life := []firn.Life{firn.Delete{}, firn.Truncate{Before: firn.Revision(rng.IntN(10))}, firn.Limits{MaxCount: rng.Uint64N(9)}, firn.Metadata{Data: []byte(`{}`)}}[rng.IntN(4)]
			return &command.Change{ID: id(), Stream: stream, Expect: firn.Any, Life: life}
		}
		if rng.IntN(10) == 0 {
			d := &command.Define{ID: id(), Class: command.Class(1 + rng.IntN(2)), Name: fmt.Appendf(nil, "d%d", rng.IntN(3)), Expect: expect}
			if rng.IntN(3) > 0 {
				d.Body = fmt.Appendf(nil, `{"after":%d}`, rng.IntN(9))
			}
			return d
		}
		if rng.IntN(6) == 0 {
			return &command.Snapshot{Stream: stream, Fold: fmt.Append(nil, "f", rng.IntN(2)), Version: firn.FoldVersion{byte(rng.IntN(6))},
				Revision: firn.Revision(rng.IntN(20)), State: make([]byte, rng.IntN(200))}
		}
		w := command.Write{Stream: stream, Expect: expect}
		for range 1 + rng.IntN(6) {
			d := firn.Draft{ID: id(), Type: fmt.Sprint("T", rng.IntN(3)), Data: make([]byte, rng.IntN(200)), CorrelationID: "c"}
			w.Records = append(w.Records, record.AppendDraft(nil, &d))
		}
		return &command.Append{Actor: []byte("a"), Writes: []command.Write{w}}
	}
	var log []engine.Entry
	index := uint64(0)
	for range n {
		var items [][]byte
		for range 1 + rng.IntN(4) {
			x := item()
			sent = append(sent, x)
			items = append(items, command.AppendItem(nil, x))
		}
		index += 1 + rng.Uint64N(3)*rng.Uint64N(2) // Raft's own entries leave holes
		log = append(log, engine.Entry{Index: index, Term: 1 + index/100, Data: command.AppendEntry(nil, int64(rng.IntN(1_000_000)), items...)})
	}
	return log
}

// randomID returns an id that follows from the seed.
func randomID(rng *rand.Rand) (id firn.ID) {
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	return id
}

func openOn(t *testing.T, fs vfs.FS, settings engine.Settings) *engine.Engine {
	t.Helper()
	e, err := engine.Open("e", engine.Options{FS: fs, CacheBytes: 1 << 20, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// However entries are divided among calls of Apply, whatever is in its caches,
// and however often the machine stops in between with more or less of what was
// written: the chain after each entry, and the results, are the same.
func TestReplayAndGroupingChangeNothing(t *testing.T) {
	settings := engine.Settings{LayerEvents: 20, Window: 90}
	seed := testenv.Seed(t)
	log := entriesOf(seed, 400)

	one := openOn(t, vfs.NewMem(), settings)
	chains := map[uint64]uint64{}
	results := map[uint64]string{}
	for _, entry := range log {
		answered, err := one.Apply([]engine.Entry{entry})
		if err != nil {
			t.Fatal(err)
		}
		results[entry.Index] = resultLines(answered[0])
		index, chain := one.Chain()
		chains[index] = chain
	}

	rng := rand.New(rand.NewPCG(seed, 10))
	fs := vfs.NewCrashableMem()
	e := openOn(t, fs, settings)
	for at := 0; at < len(log); {
		n := min(1+rng.IntN(30), len(log)-at)
		if rng.IntN(2) == 0 {
			e.ForgetStates()
		}
		answered, err := e.Apply(log[at : at+n])
		if err != nil {
			t.Fatal(err)
		}
		for i, entry := range log[at : at+n] {
			if got := resultLines(answered[i]); got != results[entry.Index] {
				t.Fatalf("entry %d answered\n%s\nand the first time\n%s", entry.Index, got, results[entry.Index])
			}
		}
		at += n
		if index, chain := e.Chain(); chains[index] != chain {
			t.Fatalf("after entry %d the chain is %016x, and was %016x", index, chain, chains[index])
		}
		if rng.IntN(4) == 0 {
			if _, _, err := e.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		if rng.IntN(4) == 0 {
			after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 50, 100}[rng.IntN(3)], RNG: rng})
			e.Close()
			fs = after
			e = openOn(t, fs, settings)
			applied, _ := e.Applied()
			for at = 0; at < len(log) && log[at].Index <= applied; at++ {
			}
			if applied > 0 && chains[applied] == 0 {
				t.Fatalf("the engine came back at index %d, which is no entry's", applied)
			}
		}
	}
	for k := uint64(256); k <= log[len(log)-1].Index; k += 256 {
		a, aok := one.ChainAt(k)
		b, bok := e.ChainAt(k)
		last := k
		for chains[last] == 0 {
			last--
		}
		if !aok || !bok || a != b || a != chains[last] {
			t.Errorf("the chain kept at %d is %x (%t) and %x (%t); after the last entry up to it, it was %x", k, a, aok, b, bok, chains[last])
		}
	}
	for _, e := range []*engine.Engine{one, e} {
		report, err := e.Verify(t.Context(), nil)
		if err != nil || len(report.Faults) > 0 {
			t.Errorf("verify: %v %v", err, report.Faults)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func resultLines(results []command.Result) (s string) {
	for _, r := range results {
		s += fmt.Sprintf("%+v %d %v\n", r.Appended, r.Version, r.Err)
	}
	return s
}

// Entries that were applied are passed over.
func TestApplyPassesOverWhatIsApplied(t *testing.T) {
	e := openOn(t, vfs.NewMem(), engine.Settings{})
	defer e.Close()
	log := entriesOf(1, 20)
	if _, err := e.Apply(log[:10]); err != nil {
		t.Fatal(err)
	}
	results, err := e.Apply(log)
	if err != nil {
		t.Fatal(err)
	}
	for i := range log {
		if (results[i] == nil) != (i < 10) {
			t.Errorf("entry %d of %d: results %v", i, len(log), results[i])
		}
	}
}

// An entry that this release cannot read stops Apply before anything of the
// call is applied, and reads go on.
func TestApplyRefusesWhatItCannotRead(t *testing.T) {
	s := enginetest.Open(t, enginetest.Options{})
	if _, err := s.Append(t.Context(), firn.To("a", firn.None, firn.Draft{Type: "T"})); err != nil {
		t.Fatal(err)
	}
	e := s.Engine()
	good := entriesOf(1, 1)[0].Data
	for _, bad := range [][]byte{nil, {9}, good[:len(good)-1], append([]byte{1, 0, 1}, 200, 1, 0)} {
		if _, err := e.Apply([]engine.Entry{{Index: 2, Term: 1, Data: good}, {Index: 3, Term: 1, Data: bad}}); err == nil {
			t.Errorf("the entry %x was applied", bad)
		}
		if index, _ := e.Applied(); index != 1 {
			t.Errorf("after a refused call the applied index is %d", index)
		}
		for _, err := range e.Read(t.Context(), firn.Query{Stream: "a"}, time.Now()) {
			if err != nil {
				t.Error(err)
			}
		}
	}
}
