package servertest_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/snapshot"
)

// historian is a store that looks into the past.
type historian interface {
	firn.Store
	firn.History
	firn.Snapshots
	firn.Definitions
}

var (
	_ historian = (*client.Client)(nil)
	_ historian = (*server.Embedded)(nil)
)

// permits appends events like those of permits on their way through an office,
// to several streams in turn, one of them long. Where FIRN_PERMITS names a file of
// CloudEvents, it is those.
func permits(t testing.TB, db firn.Store, r *rand.Rand) map[string]*told {
	t.Helper()
	a := &teller{all: map[string]*told{}}
	if path := os.Getenv("FIRN_PERMITS"); path != "" {
		a.file(t, db, path)
		return a.all
	}
	departments := []string{"General", "Control", "Experts"}
	for n := 0; n < 900; {
		stream := fmt.Sprintf("permit-%d", r.IntN(12))
		if r.IntN(3) == 0 {
			stream = "permit-long"
		}
		var drafts []firn.Draft
		for range 1 + r.IntN(20) {
			data := map[string]any{"task": fmt.Sprintf("task-%d", r.IntN(20)), "lifecycle": "complete", "count": n}
			switch r.IntN(5) {
			case 0:
				data["deadline"] = fmt.Sprintf("2010-11-%02d", 1+r.IntN(28))
			case 1:
				data["channel"] = nil
			case 2:
				data["parties"] = []any{"a", map[string]any{"n": r.IntN(3)}, r.IntN(2)}
			case 3:
				data["office"] = map[string]any{"department": departments[r.IntN(3)], fmt.Sprintf("desk/%d", r.IntN(4)): []any{}}
			case 4:
				data["channel"] = "Internet"
			}
			text, err := json.Marshal(data)
			if err != nil {
				t.Fatal(err)
			}
			drafts = append(drafts, firn.Draft{Type: fmt.Sprintf("T%02d", r.IntN(9)), Data: text})
			n++
		}
		a.append(t, db, firn.To(stream, firn.Any, drafts...))
	}
	return a.all
}

// file appends a gzipped file of CloudEvents, a hundred lines in one step.
func (a *teller) file(t testing.TB, db firn.Store, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var writes []firn.Write
	lines := bufio.NewScanner(z)
	for n := 1; lines.Scan(); n++ {
		var e struct {
			Subject, Type string
			Data          json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		d := firn.Draft{Type: e.Type, Data: e.Data}
		if i := slices.IndexFunc(writes, func(w firn.Write) bool { return w.Stream == e.Subject }); i >= 0 {
			writes[i].Drafts = append(writes[i].Drafts, d)
		} else {
			writes = append(writes, firn.To(e.Subject, firn.Any, d))
		}
		if n%100 == 0 {
			a.append(t, db, writes...)
			writes = nil
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	a.append(t, db, writes...)
}

// TestHistory: what the store says of the past is what an independent computation
// says, through each node, after the leader has changed, and after a restart.
func TestHistory(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(testenv.Seed(t), 0))
	c := servertest.Start(t, 3)
	db := c.Dial()
	all := permits(t, db, r)
	names := slices.Sorted(maps.Keys(all))
	head, _, err := db.Head(t.Context(), firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	applied := firn.Consistency{AtLeast: head}
	checks := 10
	if os.Getenv("FIRN_PERMITS") != "" {
		checks = 200
	}
	longest := slices.MaxFunc(names, func(a, b string) int { return len(all[a].events) - len(all[b].events) })
	check := func(db firn.History, consistency firn.Consistency) {
		t.Helper()
		all[longest].check(t, db, r, consistency)
		for range checks {
			all[names[r.IntN(len(names))]].check(t, db, r, consistency)
		}
	}
	check(db, firn.Consistency{})
	for i := range 3 {
		check(servertest.Dial(t, c.Address(i), client.Options{}), applied)
	}
	old := c.AwaitLeader()
	c.Stop(old)
	check(db, firn.Consistency{})
	c.Run(old)
	c.AwaitReady()
	check(servertest.Dial(t, c.Address(old), client.Options{}), applied)
}

// TestSnapshotsByThemselves: where a fold is declared, and where a state is asked
// for, the store makes its own snapshots, so that little is left to load anywhere
// in the past.
func TestSnapshotsByThemselves(t *testing.T) {
	t.Parallel()
	db, err := server.Embed(t.TempDir(), server.EmbedOptions{CacheBytes: 32 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const cart = "fold: cart\ncategory: cart\ninitial: {n: 0, sum: 0}\non:\n  Added: .n += 1 | .sum += $event.data.price\n"
	if _, err := db.Define(t.Context(), firn.FoldDefinition, "cart", []byte(cart), firn.None); err != nil {
		t.Fatal(err)
	}
	fill := func(stream string, events int) {
		t.Helper()
		for range events / 50 {
			var drafts []firn.Draft
			for i := range 50 {
				drafts = append(drafts, firn.Draft{Type: "Added", Data: fmt.Appendf(nil, `{"price":%d}`, i)})
			}
			if _, err := db.Append(t.Context(), firn.To(stream, firn.Any, drafts...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill("cart-1", 1000)
	fill("other-1", 1000)
	awaitTails(t, db, "cart-1", "cart")
	if _, err := db.State(t.Context(), firn.StateQuery{Stream: "other-1"}); err != nil {
		t.Fatal(err)
	}
	awaitTails(t, db, "other-1", "merge")
	fill("cart-1", 500) // goes on from the snapshots that are there
	awaitTails(t, db, "cart-1", "cart")
	for _, n := range []int{0, 1, 99, 100, 101, 777, 1499} {
		s, err := db.State(t.Context(), firn.StateQuery{Stream: "cart-1", At: firn.RevisionPoint(firn.Revision(n))})
		sum := (n+1)/50*1225 + (n+1)%50*((n+1)%50-1)/2
		if want := fmt.Sprintf(`{"n":%d,"sum":%d}`, n+1, sum); err != nil || string(s.State) != want || int(s.Revision) != n || s.Position == 0 {
			t.Errorf("revision %d: %s, %+v, %v; want %s", n, s.State, s, err, want)
		}
	}
}

// TestSlowFolds: whoever goes away takes no time from others any more, however
// slow the fold is that was asked for.
func TestSlowFolds(t *testing.T) {
	t.Parallel()
	db := servertest.Start(t, 1).Dial()
	const slow = "fold: slow\ncategory: slow\non: {'*': 'reduce range(10000) as $i (0; . + 1)'}"
	if _, err := db.Define(t.Context(), firn.FoldDefinition, "slow", []byte(slow), firn.None); err != nil {
		t.Fatal(err)
	}
	drafts := make([]firn.Draft, 4000) // minutes of work
	for i := range drafts {
		drafts[i] = firn.Draft{Type: "T", Data: []byte(`{}`)}
	}
	appendAll(t, db, "slow-1", drafts...)
	appendAll(t, db, "quick-1", firn.Draft{Type: "T", Data: []byte(`{"a":1}`)})
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if s, err := db.State(ctx, firn.StateQuery{Stream: "slow-1"}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%+v, %v, within moments", s, err)
			}
		})
	}
	asking.Wait()
	if s, err := db.State(t.Context(), firn.StateQuery{Stream: "quick-1"}); err != nil || string(s.State) != `{"a":1}` {
		t.Errorf("after the slow ones: %s, %v", s.State, err)
	}
}

// TestActor: who appends is put into the metadata, where that has room for it.
func TestActor(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 1)
	db := servertest.Dial(t, c.Address(0), client.Options{Actor: "ann"})
	appendAll(t, db, "order-1", firn.Draft{Type: "A"}, firn.Draft{Type: "B", Metadata: []byte(`{"actor":"bob"}`)})
	p := client.NewProducer(db, client.ProducerOptions{})
	if _, err := p.Append(t.Context(), "order-1", firn.Draft{Type: "C", Metadata: []byte(`{"n":1}`)}); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wants(t, "what ann appended", db.Read(t.Context(), firn.Query{Stream: "order-1"}), `A 0  {"actor":"ann"}`, `B 0  {"actor":"bob"}`, `C 0  {"n":1,"actor":"ann"}`)
}

// awaitTails returns once no revision of a stream is more than 100 events behind
// a snapshot of the fold.
func awaitTails(t testing.TB, db historian, stream, fold string) {
	t.Helper()
	version := versionOf(t, db, fold)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	info, err := db.Stream(ctx, stream, firn.Point{})
	if err != nil {
		t.Fatal(err)
	}
	for revision := firn.Revision(50); revision <= info.Revision; {
		loaded, err := db.Load(ctx, firn.LoadQuery{Stream: stream, Fold: fold, Version: version, Bound: firn.RevisionPoint(revision)})
		if err != nil {
			t.Fatalf("waiting for a snapshot before revision %d of %s: %v", revision, stream, err)
		}
		tail := 0
		for _, err := range loaded.Events {
			if err != nil {
				t.Fatal(err)
			}
			tail++
		}
		if tail > 100 {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		revision += 50
	}
}

func versionOf(t testing.TB, db historian, fold string) firn.FoldVersion {
	t.Helper()
	if fold == "merge" {
		return snapshot.Merge.Version(nil)
	}
	defined, err := db.Definitions(t.Context(), firn.FoldDefinition, firn.Point{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range defined {
		if d.Name == fold {
			f, err := snapshot.Parse(d.Source)
			if err != nil {
				t.Fatal(err)
			}
			return f.Version(nil)
		}
	}
	t.Fatalf("the fold %s is not defined", fold)
	return firn.FoldVersion{}
}

// TestHistorySays: what cannot be answered is a typed error that says why, and
// what has its limits says so.
func TestHistorySays(t *testing.T) {
	t.Parallel()
	eachShaped(t, func(t *testing.T, store shaped) {
		db := store.(historian)
		ctx := t.Context()
		begun := time.Now().Add(-time.Hour)
		appendAll(t, db, "order-1", firn.Draft{Type: "A", Data: []byte(`{"a":1}`)}, firn.Draft{Type: "B", Data: []byte(`{"b":2}`)}, firn.Draft{Type: "C", Data: []byte(`{"a":3}`)})
		appendAll(t, db, "order-gone", firn.Draft{Type: "A", Data: []byte(`{"a":1}`)})
		appendAll(t, db, "box-1", firn.Draft{Type: "A", ContentType: "image/png", Data: []byte{1}})
		if _, err := db.Change(ctx, "order-gone", firn.Any, firn.Delete{}); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"loop":  "fold: loop\ncategory: mad\non: {A: 'def f: f; f', '*': fail}",
			"zero":  "fold: zero\ncategory: order\non: {B: '.x = 1 / (.a - 1)'}",
			"first": "fold: first\ncategory: twice\non: {'*': merge}",
			"other": "fold: other\ncategory: twice\non: {'*': merge}",
			"huge":  "fold: huge\ncategory: mad\non: {'*': '[range(1e9)]'}",
		} {
			if _, err := db.Define(ctx, firn.FoldDefinition, name, []byte(text), firn.None); err != nil {
				t.Fatal(err)
			}
		}
		appendAll(t, db, "mad-1", firn.Draft{Type: "A"})
		appendAll(t, db, "twice-1", firn.Draft{Type: "A"})
		for _, c := range []struct {
			q    firn.StateQuery
			kind firn.Kind
			want string
		}{
			{firn.StateQuery{Stream: "order-9"}, firn.ErrNotFound, `no stream "order-9"`},
			{firn.StateQuery{Stream: "order-1", At: firn.MomentPoint(begun)}, firn.ErrBeforeStore, "before"},
			{firn.StateQuery{Stream: "order-1", At: firn.MomentPoint(time.Now().Add(time.Hour))}, firn.ErrInvalid, "in the future"},
			{firn.StateQuery{Stream: "order-1", Fold: "nothing"}, firn.ErrNotFound, "there are: first, huge, loop, other, zero, merge"},
			{firn.StateQuery{Stream: "order-1", Fold: "first"}, firn.ErrInvalid, "of the category twice"},
			{firn.StateQuery{Stream: "order-1", Fold: "a/b"}, firn.ErrInvalid, "a/b"},
			{firn.StateQuery{Stream: "twice-1"}, firn.ErrInvalid, "merge, first, other"},
			{firn.StateQuery{Stream: "order-gone"}, firn.ErrDeleted, "deleted"},
			{firn.StateQuery{Stream: "order-1"}, firn.ErrProgram, "at revision 1"},
			{firn.StateQuery{Stream: "mad-1", Fold: "loop"}, firn.ErrProgram, "does it loop"},
			{firn.StateQuery{Stream: "mad-1", Fold: "huge"}, firn.ErrProgram, "at revision 0"},
			{firn.StateQuery{Stream: "box-1"}, firn.ErrProgram, "not JSON"},
		} {
			if s, err := db.State(ctx, c.q); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v: %s, %v; want %s", c.q, s.State, err, c.want)
			}
		}
		asked := firn.StateQuery{Stream: "order-1", Fold: "merge"}
		for where, kind := range map[string]firn.Kind{"now > 5": firn.ErrInvalid, ".a.b": firn.ErrProgram, "def f: f; f": firn.ErrProgram} {
			if _, err := db.Bisect(ctx, firn.BisectQuery{StateQuery: asked, Where: where}); !errors.Is(err, kind) {
				t.Errorf("bisect --where %q: %v", where, err)
			}
		}
		if _, err := db.Blame(ctx, firn.BlameQuery{StateQuery: asked, Path: "/nothing"}); !errors.Is(err, firn.ErrNotFound) {
			t.Errorf("blame of a field that is not there: %v", err)
		}
		if _, err := db.Diff(ctx, firn.DiffQuery{Stream: "order-1", From: firn.MomentPoint(time.Now().Add(time.Hour))}); !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("a diff from the future: %v", err)
		}
		start, err := db.State(ctx, firn.StateQuery{Stream: "order-1", Fold: "merge", At: firn.StartPoint()})
		if err != nil || !start.Empty || string(start.State) != "{}" {
			t.Errorf("at the start: %+v, %v", start, err)
		}
		if s, err := db.State(ctx, firn.StateQuery{Stream: "order-1", Fold: "merge", At: firn.MomentPoint(time.Now().Add(2 * time.Second))}); err != nil || !s.Open {
			t.Errorf("as of a moment that is not over: %+v, %v", s, err)
		}

		// What was truncated is in no state, and the answer says so.
		if _, err := db.Change(ctx, "order-1", firn.Any, firn.Truncate{Before: 1}); err != nil {
			t.Fatal(err)
		}
		s, err := db.State(ctx, firn.StateQuery{Stream: "order-1", Fold: "merge", At: firn.RevisionPoint(1)})
		if err != nil || !s.Partial || string(s.State) != `{"b":2}` {
			t.Errorf("truncated: %s %+v, %v", s.State, s, err)
		}
		if s, err = db.State(ctx, firn.StateQuery{Stream: "order-1", Fold: "merge", At: firn.RevisionPoint(0)}); err != nil || !s.Empty || !s.Partial {
			t.Errorf("as of what was truncated: %+v, %v", s, err)
		}
		b, err := db.Blame(ctx, firn.BlameQuery{StateQuery: asked, Path: "/a"})
		if err != nil || len(b.Fields) != 1 || b.Fields[0].Event.Revision != 2 || !b.State.Partial {
			t.Errorf("truncated, blame: %+v, %v", b, err)
		}

		// A stream that was deleted begins anew: nothing of before shows.
		appendAll(t, db, "order-gone", firn.Draft{Type: "B", Data: []byte(`{"a":1}`)})
		b, err = db.Blame(ctx, firn.BlameQuery{StateQuery: firn.StateQuery{Stream: "order-gone", Fold: "merge"}})
		if err != nil || len(b.Fields) != 1 || b.Fields[0].Event == nil || b.Fields[0].Event.Revision != 1 {
			t.Errorf("begun anew, blame: %+v, %v", b, err)
		}
	})
}
