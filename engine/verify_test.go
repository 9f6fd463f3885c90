package engine_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// A checker counts only when it is shown to catch planted damage: each case
// breaks the invariant whose number it has, and Verify must name it.
func TestVerifyCatchesPlantedDamage(t *testing.T) {
	for _, plant := range []struct {
		invariant int
		name      string
		key       string // the first key from this one on is the one damaged
		damage    func(p *planter)
	}{
		{1, "the last event of a stream in a layer is gone", "e\x00\x00\x00\x02", (*planter).removeLastOfStream},
		{1, "a layer's entry is gone", "l\x00\x00\x00\x01", (*planter).remove},
		{2, "an event inside a stream is gone", "e\x00\x00\x00\x01order-1\x00", (*planter).removeSecond},
		{3, "an entry of the index is gone", "iorder-1\x00", (*planter).remove},
		{3, "an entry of the index names another layer", "iorder-2\x00", func(p *planter) { p.find(0); p.value[1]++; p.set() }},
		{4, "a list of events says another revision", "o\x00\x00\x00\x01", func(p *planter) { p.find(0); p.value[len(p.value)-1]++; p.set() }},
		{4, "a list of events is gone", "o\x00\x00\x00\x02", (*planter).remove},
		{5, "a table of ids has another hash", "c\x00\x00\x00\x01", func(p *planter) { p.find(0); p.value[4] ^= 1; p.set() }},
		{5, "a table of ids is gone", "c\x00\x00\x00\x01", (*planter).remove},
		{6, "a layer's digest is another", "l\x00\x00\x00\x01", func(p *planter) { p.find(0); p.value[len(p.value)-40] ^= 1; p.set() }},
		{7, "a state of life says another floor", "sorder-1\x00", func(p *planter) { p.find(0); p.value[2]++; p.set() }},
		{7, "a state of life is gone", "sorder-1\x00", (*planter).remove},
		{8, "an event is older than the one before it", "e\x00\x00\x00\x02order-2\x00", (*planter).setTimeBack},
		{9, "a total is another", "mapplied", func(p *planter) { p.find(0); p.value[len(p.value)-3]++; p.set() }},
		{10, "a bit of a record is another", "e\x00\x00\x00\x01order-3\x00", func(p *planter) { p.find(0); p.value[len(p.value)-6] ^= 1; p.set() }},
		{10, "a record lies under another stream's key", "e\x00\x00\x00\x01order-3\x00", (*planter).swapStream},
		{11, "a key of no known prefix", "m", func(p *planter) { p.put([]byte("x?"), nil) }},
		{11, "a key of no known name", "m", func(p *planter) { p.put([]byte("mfoo"), nil) }},
		{11, "an event in a layer that is not there", "m", func(p *planter) { p.put([]byte("e\x00\x00\xff\x00a\x00\x00\x00\x00\x00\x00\x00\x00\x00"), nil) }},
		{12, "the settings are gone", "msettings", (*planter).remove},
		{12, "the chain at an index is another", "mchain\x00", func(p *planter) { p.find(0); p.value[5] ^= 1; p.set() }},
		{13, "a definition says something else", "d\x01mail\x00", func(p *planter) { p.find(0); p.value[len(p.value)-2]++; p.set() }},
		{13, "a version of a definition is gone", "d\x01mail\x00", (*planter).remove},
		{14, "a snapshot is gone", "vorder-2\x00", (*planter).remove},
		{14, "a snapshot's state is another", "vorder-2\x00", func(p *planter) { p.find(0); p.value[4] ^= 1; p.set() }},
		{14, "a list of snapshots is gone", "norder-2\x00", (*planter).remove},
		{14, "a list of snapshots names another revision", "norder-2\x00", func(p *planter) { p.find(0); p.value[len(p.value)-2]++; p.set() }},
		{15, "nothing says where a group stands", "gmail\x00p", (*planter).remove},
		{15, "a group's open positions are not in order", "gmail\x00p", func(p *planter) { p.find(0); p.value[len(p.value)-1] = 0; p.set() }},
		{15, "an aside is gone", "gmail\x00a", (*planter).remove},
		{15, "an aside is not found by its time", "gmail\x00t", (*planter).remove},
		{15, "an aside is not found by its stream", "gmail\x00horder-2", (*planter).remove},
		{15, "a stream is held by another aside", "gmail\x00horder-1", func(p *planter) { p.find(0); p.value[2]++; p.set() }},
		{15, "a key of a group that is not defined", "m", func(p *planter) { p.put([]byte("gnobody\x00p"), nil) }},
	} {
		t.Run(fmt.Sprint(plant.invariant, " ", plant.name), func(t *testing.T) {
			e := storeToDamage(t)
			plant.damage(&planter{t: t, e: e, from: plant.key})
			report, err := e.Verify(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range report.Faults {
				if fault.Invariant == plant.invariant {
					return
				}
			}
			t.Errorf("Verify named %v, not invariant %d", report.Faults, plant.invariant)
		})
	}
}

func storeToDamage(t *testing.T) *engine.Engine {
	t.Helper()
	fs := vfs.NewMem()
	e := openOn(t, fs, engine.Settings{LayerEvents: 24})
	index := uint64(0)
	apply := func(item command.Item) {
		t.Helper()
		index++
		data := command.AppendEntry(nil, int64(1_000_000+index), command.AppendItem(nil, item))
		results, err := e.Apply([]engine.Entry{{Index: index, Term: 1, Data: data}})
		if err != nil || results[0][0].Err != nil {
			t.Fatal(err, results)
		}
	}
	for i := range 249 { // with the changes 256 entries, so that the chain is kept at the last
		d := firn.Draft{ID: firn.NewID(), Type: "T", Data: []byte("some data"), CorrelationID: fmt.Sprint("c", i%3), CausationID: "x"}
		apply(&command.Append{Writes: []command.Write{{Stream: fmt.Appendf(nil, "order-%d", i%4), Records: [][]byte{record.AppendDraft(nil, &d)}}}})
	}
	apply(&command.Snapshot{Stream: []byte("order-2"), Fold: []byte("sum"), Revision: 7, State: []byte("state")})
	apply(&command.Change{ID: firn.NewID(), Stream: []byte("order-1"), Life: firn.Truncate{Before: 3}})
	apply(&command.Change{ID: firn.NewID(), Stream: []byte("order-1"), Life: firn.Limits{MaxCount: 20}})
	apply(&command.Change{ID: firn.NewID(), Stream: []byte(firn.CategoriesStream), Life: firn.Limits{Category: "order", MaxAge: time.Hour}})
	for _, body := range []string{`{"a":1}`, `{"a":2}`} {
		apply(&command.Define{ID: firn.NewID(), Class: command.ClassGroup, Name: []byte("mail"), Body: []byte(body)})
	}
	apply(&command.Settle{
		Group: []byte("mail"), Created: 253, Step: 1, Through: 100, Open: []firn.Position{50, 60}, Counts: command.Counts{Due: 1, Parked: 1, Waiting: 1},
		Added: []command.Aside{
			{State: command.AsideDue, Position: 10, Stream: []byte("order-1"), Holds: true},
			{State: command.AsideParked, Position: 20, Stream: []byte("order-2"), Holds: true},
		},
	})
	report, err := e.Verify(t.Context(), nil)
	if err != nil || len(report.Faults) > 0 {
		t.Fatalf("before any damage: %v, %v", err, report.Faults)
	}
	// Opened again, so that no layer is in memory.
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e = openOn(t, fs, engine.Settings{})
	t.Cleanup(func() { e.Close() })
	return e
}

// Whoever waits for a verification hears of it also while one layer is read.
func TestVerifySaysThatItGoesOn(t *testing.T) {
	told, within := 0, 0
	last := uint64(1)
	report, err := storeToDamage(t).Verify(t.Context(), func(done, total uint64) {
		told++
		if done == last {
			within++
		}
		last = done
	})
	if err != nil || within == 0 {
		t.Errorf("of %d events it has told %d times, %d of them within a layer (%v)", report.Events, told, within, err)
	}
}

// planter damages one key.
type planter struct {
	t          *testing.T
	e          *engine.Engine
	from       string
	key, value []byte
}

func (p *planter) find(skip int) {
	p.t.Helper()
	it, err := p.e.DB().NewIter(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer it.Close()
	ok := it.SeekGE([]byte(p.from))
	for ; ok && skip > 0; skip-- {
		ok = it.Next()
	}
	if !ok {
		p.t.Fatalf("no key from %q on", p.from)
	}
	p.key, p.value = bytes.Clone(it.Key()), bytes.Clone(it.Value())
}

func (p *planter) put(key, value []byte) {
	if err := p.e.DB().Set(key, value, pebble.NoSync); err != nil {
		p.t.Fatal(err)
	}
}

// set writes the changed value of the key found.
func (p *planter) set() { p.put(p.key, p.value) }

func (p *planter) removeKey() {
	if err := p.e.DB().Delete(p.key, pebble.NoSync); err != nil {
		p.t.Fatal(err)
	}
}

func (p *planter) remove() { p.find(0); p.removeKey() }

func (p *planter) removeSecond() { p.find(1); p.removeKey() }

func (p *planter) removeLastOfStream() {
	p.find(0)
	for skip := 1; ; skip++ {
		last := p.key
		if p.find(skip); !bytes.Equal(p.key[:len(p.key)-8], last[:len(last)-8]) {
			p.key = last
			p.removeKey()
			return
		}
	}
}

func (p *planter) setTimeBack() {
	p.find(1)
	n, draft, err := record.ParseNode("order-2", p.value)
	if err != nil {
		p.t.Fatal(err)
	}
	n.Time = 1
	p.value = append(record.AppendNode(nil, "order-2", &n), draft...)
	p.set()
}

func (p *planter) swapStream() {
	p.find(0)
	value := p.value
	p.from = "e\x00\x00\x00\x01order-2\x00"
	p.find(0)
	p.put(p.key, value)
}
