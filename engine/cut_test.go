package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/testenv"
)

// stepper applies items one by one, each as an entry.
type stepper struct {
	t     *testing.T
	e     *engine.Engine
	index uint64
}

func (s *stepper) apply(micros int64, item []byte) command.Result {
	s.t.Helper()
	s.index++
	results, err := s.e.Apply([]engine.Entry{{Index: s.index, Term: 1, Data: command.AppendEntry(nil, micros, item)}})
	if err != nil {
		s.t.Fatal(err)
	}
	return results[0][0]
}

// itemsOf returns what the entries of a random log hold, item by item, and
// beside it limits of categories and scavenges.
func itemsOf(t *testing.T, seed uint64, n int) (items [][]byte) {
	rng := rand.New(rand.NewPCG(seed, 11))
	for _, entry := range entriesOf(seed, n) {
		parsed, err := command.ParseEntry(entry.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range parsed.Items {
			items = append(items, command.AppendItem(nil, item))
		}
		if rng.IntN(12) == 0 {
			items = append(items, command.AppendItem(nil, &command.Change{ID: firn.NewID(), Stream: []byte(firn.CategoriesStream), Life: firn.Limits{Category: fmt.Sprint("c", rng.IntN(2)), MaxCount: 9}}))
		}
		if rng.IntN(30) == 0 {
			items = append(items, command.AppendItem(nil, &command.Scavenge{ID: firn.NewID()}))
		}
	}
	return items
}

// settle takes each group on by a step, at random.
func (s *stepper) settle(rng *rand.Rand) (items [][]byte) {
	head, _ := s.e.Head()
	for _, g := range groupsOf(s.e) {
		if rng.IntN(3) > 0 || g.Through >= head {
			continue
		}
		step := command.Settle{Group: []byte(g.Name), Created: g.Created, Step: g.Step + 1, Through: g.Through + 1 + firn.Position(rng.Uint64N(uint64(head-g.Through))), Counts: g.Counts}
		for _, open := range append(slices.Clone(g.Open), g.Through+1) {
			if rng.IntN(2) == 0 {
				step.Open = append(step.Open, open)
			}
		}
		aside := command.Aside{State: command.AsideState(1 + rng.IntN(2)), Position: step.Through, Stream: fmt.Appendf(nil, "aside-%d", step.Through), Holds: rng.IntN(2) == 0}
		step.Added = []command.Aside{aside}
		switch {
		case aside.State == command.AsideDue:
			step.Counts.Due++
		default:
			step.Counts.Parked++
			if aside.Holds {
				step.Counts.Waiting++
			}
		}
		items = append(items, command.AppendItem(nil, &step))
	}
	return items
}

// dump returns every key of a store with its value, but for those that do not
// follow from events, and those for which no two stores need be the same.
func dump(t *testing.T, e *engine.Engine, without string) map[string]string {
	t.Helper()
	it, err := e.DB().NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	keys := map[string]string{}
	for it.First(); it.Valid(); it.Next() {
		key := string(it.Key())
		if key != "mapplied" && !strings.HasPrefix(key, "mchain") && !strings.Contains(without, key[:1]) {
			keys[key] = string(it.Value())
		}
	}
	if err := it.Error(); err != nil {
		t.Fatal(err)
	}
	return keys
}

func whole(t *testing.T, e *engine.Engine) {
	t.Helper()
	report, err := e.Verify(t.Context(), nil)
	if err != nil || len(report.Faults) > 0 {
		t.Fatalf("%v, %v", err, report.Faults)
	}
}

// A store that is cut at a position holds what a store does whose log has ended
// there, and goes on as that one does.
func TestRandomCuts(t *testing.T) {
	settings := engine.Settings{LayerEvents: 40, Window: 120}
	seed := testenv.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 12))
	disk := vfs.NewCrashableMem()
	full := &stepper{t: t, e: openOn(t, disk, settings)}
	var log [][]byte
	heads := []firn.Position{0} // after each item of the log
	apply := func(item []byte) {
		full.apply(int64(len(log)), item)
		head, _ := full.e.Head()
		log, heads = append(log, item), append(heads, head)
	}
	apply(command.AppendItem(nil, &command.Found{Cluster: [16]byte{1}, History: [16]byte{2}}))
	for _, item := range itemsOf(t, seed, 150) {
		apply(item)
		for _, step := range full.settle(rng) {
			apply(step)
		}
	}
	if _, _, err := full.e.Flush(); err != nil {
		t.Fatal(err)
	}
	later := dump(t, full.e, "")
	ends := slices.Compact(slices.Clone(heads))[1:]
	head := ends[len(ends)-1]
	for range 12 {
		to := ends[rng.IntN(len(ends))]
		items := slices.Index(heads, to) // of the log that ends there

		short := vfs.NewMem()
		prefix := &stepper{t: t, e: openOn(t, short, settings)}
		for i, item := range log[:items] {
			prefix.apply(int64(i), item)
		}
		if _, err := prefix.e.Checkpoint("then"); err != nil {
			t.Fatal(err)
		}
		then, err := engine.ReadGroups(short, "then")
		if err != nil {
			t.Fatal(err)
		}

		disk := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng})
		if err := engine.Cut("e", engine.Options{FS: disk, CacheBytes: 1 << 20}, to, then); err != nil {
			t.Fatalf("cut at %d of %d: %v", to, head, err)
		}
		cut := &stepper{t: t, e: openOn(t, disk, engine.Settings{}), index: uint64(len(log))}
		whole(t, cut.e)
		if is, at := cut.e.Head(); is != to || !at.Equal(second(prefix.e.Head())) {
			t.Fatalf("cut at %d, the head is %d, of %v", to, is, at)
		}
		sameKeys(t, to, dump(t, prefix.e, "nv"), dump(t, cut.e, "nv"))
		has := dump(t, cut.e, "")
		for key, value := range dump(t, prefix.e, "") {
			if key[0] == 'v' && later[key] == value && has[key] != value {
				t.Fatalf("cut at %d, the snapshot %q is gone, which was there then and at the end", to, key)
			}
		}
		for i, item := range log[items:min(len(log), items+200)] {
			a, b := prefix.apply(int64(items+i), item), cut.apply(int64(items+i), item)
			if a, b := resultLines([]command.Result{a}), resultLines([]command.Result{b}); a != b {
				t.Fatalf("cut at %d, item %d behind it answers\n%s\nand does so where the log had ended there\n%s", to, i, b, a)
			}
		}
		sameKeys(t, to, dump(t, prefix.e, "nv"), dump(t, cut.e, "nv"))
		whole(t, cut.e)
		for _, e := range []*engine.Engine{prefix.e, cut.e} {
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := full.e.Close(); err != nil {
		t.Fatal(err)
	}
}

func second[A, B any](_ A, b B) B { return b }

func sameKeys(t *testing.T, to firn.Position, want, got map[string]string) {
	t.Helper()
	if maps.Equal(want, got) {
		return
	}
	for key, value := range want {
		if now, ok := got[key]; !ok || now != value {
			t.Errorf("cut at %d: the key %q has the value %q, not %q", to, key, now, value)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("cut at %d: the key %q should not be there", to, key)
		}
	}
	t.FailNow()
}

// Groups of which no earlier copy tells stand where they stood later, at the
// position at most; those of an earlier copy where they stood then, and one made
// since at its beginning.
func TestCutGroups(t *testing.T) {
	disk := vfs.NewCrashableMem()
	s := &stepper{t: t, e: openOn(t, disk, engine.Settings{LayerEvents: 16})}
	do := func(item command.Item) {
		t.Helper()
		if r := s.apply(int64(s.index), command.AppendItem(nil, item)); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	define := func(name, body string) {
		t.Helper()
		do(&command.Define{ID: firn.NewID(), Class: command.ClassGroup, Name: []byte(name), Body: []byte(body)})
	}
	events := func(n int) {
		t.Helper()
		for range n {
			do(appendOf("s-1", "T"))
		}
	}
	define("old", `{}`) // position 1
	events(9)
	do(&command.Settle{Group: []byte("old"), Created: 1, Step: 1, Through: 6, Open: []firn.Position{4}, Counts: command.Counts{Parked: 1},
		Added: []command.Aside{{State: command.AsideParked, Position: 3, Stream: []byte("s-1")}}})
	if _, err := s.e.Checkpoint("then"); err != nil { // at 10
		t.Fatal(err)
	}
	then, err := engine.ReadGroups(disk, "then")
	if err != nil {
		t.Fatal(err)
	}
	define("new", `{"after":5}`) // 11
	events(9)                    // up to 20
	do(&command.Settle{Group: []byte("old"), Created: 1, Step: 2, Through: 18, Open: []firn.Position{17}, Counts: command.Counts{Due: 1},
		Removed: []command.Aside{{State: command.AsideParked, Position: 3, Stream: []byte("s-1")}},
		Added:   []command.Aside{{State: command.AsideDue, Position: 16, Stream: []byte("s-1"), Holds: true}}})
	do(&command.Settle{Group: []byte("new"), Created: 11, Step: 1, Through: 20})
	define("old", ``) // 21
	define("old", `{"after":2}`)
	events(5)
	if _, _, err := s.e.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		to   firn.Position
		then *engine.Groups
		want string
	}{
		{15, then, "new 11 5 [] {0 0 0 0}, old 1 6 [4] {0 0 1 0}"},
		{15, nil, "new 11 15 [] {0 0 0 0}, old 1 0 [] {0 0 0 0}"}, // this "old" is the one before
		{10, then, "old 1 6 [4] {0 0 1 0}"},
		{21, then, "new 11 5 [] {0 0 0 0}"},
		{25, nil, "new 11 20 [] {0 0 0 0}, old 22 2 [] {0 0 0 0}"},
		{25, then, "new 11 5 [] {0 0 0 0}, old 22 2 [] {0 0 0 0}"},
	} {
		disk := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
		if err := engine.Cut("e", engine.Options{FS: disk, CacheBytes: 1 << 20}, c.to, c.then); err != nil {
			t.Fatal(err)
		}
		e := openOn(t, disk, engine.Settings{})
		whole(t, e)
		var got []string
		for _, g := range groupsOf(e) {
			got = append(got, fmt.Sprint(g.Name, " ", g.Created, " ", g.Through, " ", g.Open, " ", g.Counts))
		}
		if got := strings.Join(got, ", "); got != c.want {
			t.Errorf("cut at %d (an earlier copy: %v), the groups are %s, want %s", c.to, c.then != nil, got, c.want)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, to := range []firn.Position{0, 99, 9} {
		if err := engine.Cut("e", engine.Options{FS: disk, CacheBytes: 1 << 20}, to, then); !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("cut at %d with groups of position 10: %v", to, err)
		}
	}
}

// What was removed from a copy does not come back: a position is refused at which
// it would be seen. What is gone at the position as well stays gone.
func TestCutScavenged(t *testing.T) {
	disk := vfs.NewCrashableMem()
	s := &stepper{t: t, e: openOn(t, disk, engine.Settings{LayerEvents: 16, Window: 16})}
	do := func(item command.Item) firn.Position {
		t.Helper()
		if r := s.apply(int64(s.index), command.AppendItem(nil, item)); r.Err != nil {
			t.Fatal(r.Err)
		}
		head, _ := s.e.Head()
		return head
	}
	events := func(n int) (head firn.Position) {
		t.Helper()
		for i := range n {
			head = do(appendOf(fmt.Sprint("s-", i%3), "T"))
		}
		return head
	}
	sweep := func() {
		t.Helper()
		done, err := s.e.Sweep(t.Context(), func(context.Context, engine.Swept, uint64) error { return nil })
		if err != nil || done.Events == 0 {
			t.Fatalf("swept %+v, %v", done, err)
		}
	}
	events(20)
	do(&command.Change{ID: firn.NewID(), Stream: []byte("s-1"), Life: firn.Truncate{Before: 3}})
	events(40)
	first := do(&command.Scavenge{ID: firn.NewID()})
	then := events(30)
	sweep()
	do(&command.Change{ID: firn.NewID(), Stream: []byte("s-2"), Life: firn.Truncate{Before: 12}})
	events(40)
	second := do(&command.Scavenge{ID: firn.NewID()})
	events(30)
	sweep()
	if _, _, err := s.e.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := s.e.Close(); err != nil {
		t.Fatal(err)
	}
	for to, ok := range map[firn.Position]bool{10: false, 40: false, first: false, then: false, second: true, second + 7: true} {
		disk := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
		err := engine.Cut("e", engine.Options{FS: disk, CacheBytes: 1 << 20}, to, nil)
		if ok != (err == nil) || !ok && !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("cut at %d, of scavenges at %d and %d: %v", to, first, second, err)
		}
		if err != nil {
			continue
		}
		e := openOn(t, disk, engine.Settings{})
		whole(t, e)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func appendOf(stream, typ string) *command.Append {
	return &command.Append{Writes: []command.Write{{Stream: []byte(stream), Expect: firn.Any, Records: [][]byte{draftOf(typ)}}}}
}

func draftOf(typ string) []byte {
	return record.AppendDraft(nil, &firn.Draft{ID: firn.NewID(), Type: typ})
}

// groupsOf returns where all groups stand.
func groupsOf(e *engine.Engine) (all []engine.GroupProgress) {
	defined, _ := e.Definitions(command.ClassGroup)
	for _, d := range defined {
		g, _ := e.GroupProgress(d.Name)
		all = append(all, g)
	}
	return all
}
