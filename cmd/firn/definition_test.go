package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
)

// losing loses the answers to changes of definitions, after they were made.
type losing struct{ store }

func (l losing) DefineWithID(ctx context.Context, id firn.ID, class firn.DefinitionClass, name string, source []byte, expect firn.Expectation) (firn.Definition, error) {
	if _, err := l.store.DefineWithID(ctx, id, class, name, source, expect); err != nil {
		return firn.Definition{}, err
	}
	return firn.Definition{}, firn.Errorf(firn.ErrUnknown, "the connection was lost")
}

// lose runs a command line whose answer is lost, and returns the words that
// repeat it.
func (o *overTCP) lose(stdin string, args ...string) []string {
	o.t.Helper()
	var out, errs bytes.Buffer
	c := &console{in: strings.NewReader(stdin), out: &out, err: &errs, env: func(string) string { return "" }}
	c.dial = func(ctx context.Context, _ string) (store, error) {
		db, err := c.dialCluster(ctx, o.addr)
		return losing{db}, err
	}
	status := run(o.t.Context(), args, c)
	_, repeat, found := strings.Cut(errs.String(), "This repeats it safely:\n  firn ")
	if status != exitUnknown || !found {
		o.t.Fatalf("firn %s: exit %d: %s", strings.Join(args, " "), status, &errs)
	}
	return words(strings.TrimSpace(repeat))
}

// TestAnUnknownDefinitionCanBeRepeated holds that exit status 6 comes with a
// command that defines nothing twice, whatever was defined since.
func TestAnUnknownDefinitionCanBeRepeated(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := startNodes(t, 1)
	for _, step := range []struct {
		stdin   string
		line    string
		version string
	}{
		{"fold: cart\ncategory: order\non: {A: merge}\n", "fold create - --expect none", "1"},
		{"fold: cart\ncategory: order\non: {B: merge}\n", "fold create -", "2"},
		{"", "fold rollback cart 1", "3"},
		{"", "fold delete cart", "4"},
		{`{"type":"object"}`, "upcaster create --schema - --type T --version 1 --category order", "1"},
		{"", "upcaster delete order.T.1 --schema", "2"},
	} {
		repeat := o.lose(step.stdin, strings.Fields(step.line)...)
		for range 2 {
			o.want(0, `"version":`+step.version+`,`, repeat...)
		}
	}
	if got := strings.Count(o.run("", "fold", "show", "cart", "--versions").out, "\n"); got != 4 {
		t.Errorf("there are %d versions of the fold, want 4", got)
	}
}

// TestRanges holds that ranges of positions, read one by one, are the whole
// history, of everything and of a category with gaps in it.
func TestRanges(t *testing.T) {
	c := newCLI(t)
	for i := range 100 {
		stream := "a-1"
		if i%7 == 0 || i > 60 && i < 80 {
			stream = "b-1"
		}
		c.ok("append", stream, "--type", "T")
	}
	con := c.console("", new(bytes.Buffer), new(bytes.Buffer))
	con.timeout = time.Minute
	for _, query := range []firn.Query{{All: true}, {Category: "a"}, {Category: "none"}} {
		r := &rangeReader{session: &session{console: con, ctx: t.Context(), db: c.db}, query: query, head: 100}
		var got []firn.Position
		ranges := r.ranges(9, 2)
		for _, events := range ranges {
			for e, err := range events {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, e.Position)
			}
		}
		var want []firn.Position
		for e := range c.db.Read(t.Context(), query) {
			want = append(want, e.Position)
		}
		if len(ranges) != 8 || !slices.Equal(got, want) || r.done.Load() != 100 {
			t.Errorf("%+v: %d ranges gave %v, want %v; %d positions are done", query, len(ranges), got, want, r.done.Load())
		}
	}
}

// TestChecksOfManyEvents looks through many streams, on a terminal with a bar.
func TestChecksOfManyEvents(t *testing.T) {
	o := startNodes(t, 1)
	var lines strings.Builder
	const streams, each = 50, 20
	for n := range streams {
		for i := range each {
			data := `{"n":"1"}`
			if n == 7 && i == 3 || n == 31 {
				data = `{"n":"one"}`
			}
			lines.WriteString(`{"stream":"count-` + string(rune('a'+n/10)) + string(rune('0'+n%10)) + `","type":"Counted","data":` + data + "}\n")
		}
	}
	if r := o.run(lines.String(), "append", "--stdin"); r.status != exitDone {
		t.Fatal(r.err)
	}
	dir := t.TempDir()
	fold, steps := filepath.Join(dir, "fold.yaml"), filepath.Join(dir, "steps.yaml")
	for path, text := range map[string]string{
		fold:  "fold: sum\ncategory: count\ninitial: 0\non: {Counted: '. + ($event.data.n|tonumber)'}\n",
		steps: "upcaster: numbers\ncategory: count\nsteps: [{type: Counted, from: 1, to: 2, convert: {/n: number}}]\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.want(1, `"streams":50,"events":965,"failed":2,"failures":[{"stream":"count-a7","revision":3,"position":144,`, "fold", "check", fold)
	o.want(1, `"events":1000,"changed":979,"failed":21,"types":[{"type":"Counted","schema":1,"events":1000,`, "upcaster", "check", steps)
	one := o.run("", "upcaster", "check", steps, "--failures", "1", "-o", "text")
	if !strings.Contains(one.out, "failures\t21\n  count-a7/3 @144 ") || strings.Contains(one.out, "count-d1") {
		t.Errorf("with one failure wanted: %s", one.out)
	}

	var out, errs bytes.Buffer
	c := &console{in: strings.NewReader(""), out: &out, err: &errs, terminalErr: true, env: func(name string) string { return map[string]string{"FIRN_ADDR": o.addr}[name] }}
	c.dial = c.dialCluster
	for _, line := range [][]string{{"fold", "check", fold}, {"upcaster", "check", steps}} {
		if status := run(t.Context(), line, c); status != exitOther || !strings.Contains(errs.String(), "fail") && !strings.Contains(errs.String(), "cannot be shown") {
			t.Errorf("firn %v on a terminal: exit %d: %s", line, status, &errs)
		}
	}
	// What the upcaster in force cannot show, a fold fails at, too.
	o.want(0, `"version":1`, "upcaster", "create", steps)
	o.want(1, `"failed":2,"failures":[{"stream":"count-a7","revision":3,"position":144,"type":"Counted","reason":"an event of type`, "fold", "check", fold)
}
