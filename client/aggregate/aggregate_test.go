package aggregate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/aggregate"
	"github.com/firndb/firn/client/aggregate/aggregatetest"
)

type cart struct {
	Items []string
	Paid  bool
}

var errPaid = errors.New("the cart is paid")

var carts = aggregate.Type[cart]{
	Category: "cart",
	Version:  "1",
	Apply: func(c cart, e firn.Event) (cart, error) {
		switch e.Type {
		case "ItemAdded":
			var item string
			if err := json.Unmarshal(e.Data, &item); err != nil {
				return c, err
			}
			c.Items = append(c.Items[:len(c.Items):len(c.Items)], item)
		case "Paid":
			c.Paid = true
		}
		return c, nil
	},
}

func added(item string) firn.Draft {
	return firn.Draft{Type: "ItemAdded", Data: fmt.Appendf(nil, "%q", item)}
}

func add(item string) aggregate.Decision[cart] {
	return func(a aggregate.Aggregate[cart]) ([]firn.Draft, error) {
		if a.State.Paid {
			return nil, errPaid
		}
		return []firn.Draft{added(item)}, nil
	}
}

func pay(a aggregate.Aggregate[cart]) ([]firn.Draft, error) {
	if !a.Exists || a.State.Paid {
		return nil, nil
	}
	return []firn.Draft{{Type: "Paid"}}, nil
}

func TestGivenWhenThen(t *testing.T) {
	aggregatetest.Given(t, carts).When(add("pen")).Then(added("pen"))
	aggregatetest.Given(t, carts, added("pen"), firn.Draft{Type: "Paid"}).When(add("ink")).ThenError(errPaid)
	aggregatetest.Given(t, carts, added("pen")).When(pay).Then(firn.Draft{Type: "Paid"})
	aggregatetest.Given(t, carts).When(pay).Then()
}

// Wrong expectations must be noticed.
func TestGivenWhenThenFails(t *testing.T) {
	for name, expect := range map[string]func(testing.TB){
		"other data":    func(t testing.TB) { aggregatetest.Given(t, carts).When(add("pen")).Then(added("ink")) },
		"one too many":  func(t testing.TB) { aggregatetest.Given(t, carts).When(add("pen")).Then(added("pen"), added("pen")) },
		"none expected": func(t testing.TB) { aggregatetest.Given(t, carts).When(add("pen")).Then() },
		"no error":      func(t testing.TB) { aggregatetest.Given(t, carts).When(add("pen")).ThenError(errPaid) },
	} {
		witness := &witness{TB: t}
		expect(witness)
		if !witness.failed {
			t.Errorf("%s: nothing was noticed", name)
		}
	}
}

type witness struct {
	testing.TB
	failed bool
}

func (w *witness) Helper()               {}
func (w *witness) Errorf(string, ...any) { w.failed = true }

// Many who decide at once: each decision has seen all that came before it, and
// each is appended once.
func TestDecideTogether(t *testing.T) {
	store := firn.Memory()
	repo := aggregate.New(store, carts, aggregate.Options{Tries: 100, SnapshotEvery: 5})
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			_, _, err := repo.Decide(t.Context(), "1", firn.NewID(), func(a aggregate.Aggregate[cart]) ([]firn.Draft, error) {
				return []firn.Draft{added(fmt.Sprint(i, " after ", len(a.State.Items)))}, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got, err := repo.Load(t.Context(), "1")
	if err != nil || len(got.State.Items) != 30 || got.Revision != 29 {
		t.Fatalf("%d items at revision %d, %v", len(got.State.Items), got.Revision, err)
	}
	for n, item := range got.State.Items {
		if !strings.HasSuffix(item, fmt.Sprint(" after ", n)) {
			t.Errorf("item %d was decided on %q", n, item)
		}
	}
}

// A command that comes again appends nothing again.
func TestCommandAgain(t *testing.T) {
	repo := aggregate.New(firn.Memory(), carts, aggregate.Options{})
	command := firn.NewID()
	_, first, err := repo.Decide(t.Context(), "1", command, add("pen"))
	if err != nil {
		t.Fatal(err)
	}
	a, again, err := repo.Decide(t.Context(), "1", command, add("pen"))
	if err != nil || !again.Repeated || again.Position != first.Position || len(a.State.Items) != 1 {
		t.Errorf("the second time: %+v, %+v, %v", a, again, err)
	}
	if _, _, err := repo.Decide(t.Context(), "1", command, add("ink")); !errors.Is(err, firn.ErrIDReused) {
		t.Errorf("the same command with another outcome: %v", err)
	}
}

// counting counts what is read of a store's events.
type counting struct {
	firn.Store
	firn.Snapshots
	events int
}

func (c *counting) Load(ctx context.Context, q firn.LoadQuery) (firn.Loaded, error) {
	loaded, err := c.Snapshots.Load(ctx, q)
	events := loaded.Events
	loaded.Events = func(yield func(firn.Event, error) bool) {
		for e, err := range events {
			c.events++
			if !yield(e, err) {
				return
			}
		}
	}
	return loaded, err
}

// With snapshots a load reads a short tail; another version reads none of
// them; what a load comes to is the same.
func TestSnapshots(t *testing.T) {
	memory := firn.Memory()
	store := &counting{Store: memory, Snapshots: memory.(firn.Snapshots)}
	repo := aggregate.New(store, carts, aggregate.Options{SnapshotEvery: 10})
	for i := range 57 {
		if _, _, err := repo.Decide(t.Context(), "1", firn.NewID(), add(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	later := carts
	later.Version = "2"
	without := carts
	without.Version = ""
	plain := aggregate.New(memory, without, aggregate.Options{})
	for _, at := range []firn.Point{{}, firn.RevisionPoint(33), firn.RevisionPoint(0)} {
		want, err := plain.LoadAt(t.Context(), "1", at)
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			repo *aggregate.Repository[cart]
			most int
		}{
			"with snapshots":  {repo, 9},
			"another version": {aggregate.New(store, later, aggregate.Options{}), len(want.State.Items)},
		} {
			store.events = 0
			got, err := c.repo.LoadAt(t.Context(), "1", at)
			if err != nil || fmt.Sprint(got.State) != fmt.Sprint(want.State) || got.Revision != want.Revision {
				t.Errorf("%s at %v: %v at revision %d (%v), want %v at %d", name, at, got.State, got.Revision, err, want.State, want.Revision)
			}
			if store.events > c.most || name == "another version" && store.events < c.most {
				t.Errorf("%s at %v: %d events were read; want at most %d", name, at, store.events, c.most)
			}
		}
	}
}

// A stream that was emptied or deleted goes on where it was.
func TestGoesOn(t *testing.T) {
	for name, life := range map[string]firn.Life{"truncated": firn.Truncate{Before: 2}, "deleted": firn.Delete{}} {
		for _, version := range []string{"", "1"} {
			store := firn.Memory()
			kind := carts
			kind.Version = version
			repo := aggregate.New(store, kind, aggregate.Options{})
			for _, item := range []string{"pen", "ink"} {
				if _, _, err := repo.Decide(t.Context(), "1", firn.NewID(), add(item)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := store.Change(t.Context(), "cart-1", firn.Any, life); err != nil {
				t.Fatal(err)
			}
			a, done, err := repo.Decide(t.Context(), "1", firn.NewID(), add("pad"))
			if err != nil || done.Writes[0].FirstRevision != 2 || len(a.State.Items) != 1 {
				t.Errorf("%s, version %q: %+v, %+v, %v", name, version, a, done, err)
			}
		}
	}
}
