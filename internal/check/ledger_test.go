package check_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// TestLedgerFindsWhatIsWrong plants each fault that the ledger is there to find
// in a log that has none.
func TestLedgerFindsWhatIsWrong(t *testing.T) {
	var ledger check.Ledger
	db := firn.Memory()
	add := func(outcome error, writes ...firn.Write) {
		told, err := db.Append(t.Context(), writes...)
		if err == nil && outcome != nil {
			told, err = firn.Appended{}, outcome
		}
		ledger.Add(writes, told, err)
	}
	draft := func() firn.Draft { return firn.Draft{ID: firn.NewID(), Type: "T", Data: []byte(`{"n":1}`)} }
	refused := draft()
	unknown := firn.Errorf(firn.ErrUnknown, "the connection was lost")
	add(nil, firn.To("a-1", firn.None, draft(), draft()))
	add(nil, firn.To("a-1", firn.At(1), draft()), firn.To("b-1", firn.Any, draft(), draft()))
	add(nil, firn.To("a-1", firn.At(0), refused))
	add(unknown, firn.To("b-1", firn.Any, draft(), draft()))
	add(nil, firn.To("a-1", firn.Any, draft()))
	ledger.Add([]firn.Write{firn.To("c-1", firn.Any, draft())}, firn.Appended{}, unknown)
	var log []firn.Event
	for e, err := range db.Read(t.Context(), firn.Query{All: true, System: true}) {
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, e)
	}
	if err := ledger.Check(log); err != nil {
		t.Fatalf("a log without a fault: %v", err)
	}
	renumber := func(log []firn.Event) []firn.Event {
		next := make(map[string]firn.Revision)
		for i := range log {
			log[i].Position, log[i].Revision = firn.Position(i+1), next[log[i].Stream]
			next[log[i].Stream]++
		}
		return log
	}
	for _, fault := range []struct {
		name  string
		plant func([]firn.Event) []firn.Event
		words string
	}{
		{"the last event is lost", func(l []firn.Event) []firn.Event { return l[:len(l)-1] }, "was acknowledged"},
		{"all events are lost", func([]firn.Event) []firn.Event { return nil }, "was acknowledged"},
		{"an event is lost, and those behind it move up", func(l []firn.Event) []firn.Event { return renumber(slices.Delete(l, 2, 3)) }, "was acknowledged"},
		{"an event is lost, and leaves a gap", func(l []firn.Event) []firn.Event { return slices.Delete(l, 2, 3) }, "position 4 comes where 3 should"},
		{"an event is there twice", func(l []firn.Event) []firn.Event { return renumber(append(l, l[0])) }, "and again at"},
		{"a revision is skipped", func(l []firn.Event) []firn.Event { l[7].Revision++; return l }, "has revision"},
		{"two events have changed places", func(l []firn.Event) []firn.Event { l[0].ID, l[1].ID = l[1].ID, l[0].ID; return l }, "was acknowledged"},
		{"other data is stored", func(l []firn.Event) []firn.Event { l[1].Data = []byte("{}"); return l }, "is stored as"},
		{"an unknown append is there in part", func(l []firn.Event) []firn.Event { return renumber(slices.Delete(l, 6, 7)) }, "of one append"},
		{"time goes back", func(l []firn.Event) []firn.Event { l[3].Time = l[0].Time.Add(-1); return l }, "the one before"},
		{"nobody has appended it", func(l []firn.Event) []firn.Event {
			l = append(l, l[0])
			l[len(l)-1].ID = firn.NewID()
			return renumber(l)
		}, "nobody has appended"},
		{"a refused append is there", func(l []firn.Event) []firn.Event {
			l = append(l, l[0])
			l[len(l)-1].ID = refused.ID
			return renumber(l)
		}, "was refused"},
	} {
		err := ledger.Check(fault.plant(slices.Clone(log)))
		if err == nil || !strings.Contains(err.Error(), fault.words) {
			t.Errorf("%s: %v", fault.name, err)
		}
	}
}
