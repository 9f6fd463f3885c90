package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/firndb/firn"
)

func lost([]firn.Write) error {
	return firn.Errorf(firn.ErrUnknown, "the connection to 127.0.0.1:7400 was lost")
}

// TestAnUnknownOutcomeCanBeRepeated holds that exit status 6 comes with the
// ids, and that the command it prints appends nothing twice.
func TestAnUnknownOutcomeCanBeRepeated(t *testing.T) {
	c := newCLI(t)
	c.db.lose = lost
	r := c.fails(exitUnknown, "was lost (ids ", "append", "a b-1", "--type", "it's", "--data", `{"x": "it's"}`, "--metadata", "{}", "--schema", "2", "--expect", "none")
	c.db.lose = nil
	_, repeat, found := strings.Cut(r.err, "This repeats it safely:\n  firn ")
	if !found {
		t.Fatal(r.err)
	}
	repeat = strings.ReplaceAll(strings.TrimSpace(repeat), `'\''`, `'"'"'`) // as words understands it
	if out := c.ok(words(repeat)...); !strings.Contains(out, `"repeated":true`) {
		t.Errorf("firn %s\nprinted %s", repeat, out)
	}
	c.db.lose = lost
	if r := c.fails(exitUnknown, `"retry":"same-ids"`, "append", "a-1", "--type", "T", "-o", "json"); !strings.Contains(r.err, `"repeat":"firn append a-1 --type T --expect any --id `) || strings.Count(r.err, "\n") != 1 {
		t.Error(r.err)
	}
}

func TestUnknownOutcomeOfManyLines(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c := newCLI(t)
	c.db.lose = lost
	r := c.run(`{"stream":"a-1","data":{"x": [1.50]},"expect":"none"}`+"\n"+`{"stream":"b-1","data":"it's","metadata":{"m": 1}}`+"\n"+`{"stream":"c-1","expect":"none","check":true}`,
		"append", "--stdin", "--type", "T")
	c.db.lose = nil
	_, path, found := strings.Cut(strings.TrimSpace(r.err), "firn append --stdin < ")
	if r.status != exitUnknown || !found {
		t.Fatalf("exit %d: %s", r.status, r.err)
	}
	lines, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if again := c.run(string(lines), "append", "--stdin"); again.status != 0 || strings.Count(again.out, `"repeated":true`) != 2 {
		t.Errorf("exit %d: %s%s\nlines\n%s", again.status, again.out, again.err, lines)
	}
}

// hanging never answers. Where a change had left, nobody knows what became of it.
type hanging struct {
	*memory
	left bool
}

// lost is what a change ends in.
func (h hanging) lost(ctx context.Context) error {
	<-ctx.Done()
	if h.left {
		return firn.Errorf(firn.ErrUnknown, "it may have been done, or not: %v", ctx.Err())
	}
	return fmt.Errorf("%w; before that: %w", ctx.Err(), firn.Errorf(firn.ErrUnavailable, "there is no leader; nothing was done"))
}

func (h hanging) Append(ctx context.Context, _ ...firn.Write) (firn.Appended, error) {
	return firn.Appended{}, h.lost(ctx)
}

func (h hanging) Read(ctx context.Context, _ firn.Query) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		<-ctx.Done()
		yield(firn.Event{}, ctx.Err())
	}
}

func (h hanging) Change(ctx context.Context, _ string, _ firn.Expectation, _ firn.Life) (firn.Position, error) {
	return 0, h.lost(ctx)
}

func TestTimeout(t *testing.T) {
	c := newCLI(t)
	c.ok("append", "a-1", "--type", "T")
	for _, test := range []struct {
		left   bool
		status int
		words  string
		line   string
	}{
		{false, exitUnavailable, "no answer within", "read a-1"},
		{true, exitUnknown, "it may have been done, or not", "append a-1 --type T"},
		{true, exitUnknown, "This repeats it safely:\n  firn delete a-1 --timeout 20ms", "delete a-1"},
		{false, exitUnavailable, "no answer within 22ms", "append a-1 --type T"},
		{false, exitUnavailable, "before that: there is no leader; nothing was done", "delete a-1"},
	} {
		var out, errs bytes.Buffer
		con := c.console("", &out, &errs)
		con.dial = func(context.Context, string) (store, error) { return hanging{c.db, test.left}, nil }
		args := append(strings.Fields(test.line), "--timeout", "20ms")
		if status := run(t.Context(), args, con); status != test.status || !strings.Contains(errs.String(), test.words) {
			t.Errorf("firn %s: exit %d: %s", test.line, status, &errs)
		}
	}
}

func TestInterrupt(t *testing.T) {
	c := newCLI(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	con := c.console("", &out, &errs)
	con.dial = func(context.Context, string) (store, error) {
		cancel() // Ctrl-C comes once the command is at work
		return hanging{c.db, false}, nil
	}
	if status := run(ctx, []string{"read", "a-1"}, con); status != exitOther || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit %d: %s", status, &errs)
	}
}

// closedPipe is standard output after its reader has gone.
type closedPipe struct{ io.Writer }

func (closedPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Err: syscall.EPIPE}
}

func TestAReaderThatWentAwayIsNoError(t *testing.T) {
	c := newCLI(t)
	c.ok("append", "a-1", "--type", "T")
	var errs bytes.Buffer
	con := c.console("", nil, &errs)
	con.out = closedPipe{}
	if status := run(t.Context(), []string{"read", "--all"}, con); status != exitDone || errs.Len() > 0 {
		t.Errorf("exit %d: %s", status, &errs)
	}
}

func TestStatusOfEveryKind(t *testing.T) {
	for _, kind := range firn.Kinds() {
		status := statusOf(firn.Errorf(kind, "x"))
		_, listed := statusOfKind[kind]
		other := kind == firn.ErrInternal || kind == firn.ErrOtherHistory || kind == firn.ErrUnsupported || kind == firn.ErrStale || kind == firn.ErrProgram
		if listed == other || other != (status == exitOther) {
			t.Errorf("%v gives exit %d", kind, status)
		}
	}
	if statusOf(conflicting(firn.Errorf(firn.ErrTombstoned, "x"))) != exitConflict || statusOf(errors.New("x")) != exitOther {
		t.Error("tombstoned for an append, or an error without a kind")
	}
}

func TestAddress(t *testing.T) {
	c := newCLI(t)
	var asked string
	for _, env := range []string{"", "10.0.0.1:1"} {
		c.env["FIRN_ADDR"] = env
		for _, flag := range []string{"", "10.0.0.2:2"} {
			var out, errs bytes.Buffer
			con := c.console("", &out, &errs)
			con.dial = func(_ context.Context, addrs string) (store, error) { asked = addrs; return c.db, nil }
			args := []string{"stats"}
			want := addrDefault
			if env != "" {
				want = env
			}
			if flag != "" {
				args, want = append(args, "--addr", flag), flag
			}
			if run(t.Context(), args, con); asked != want {
				t.Errorf("environment %q, flag %q: asked %s", env, flag, asked)
			}
		}
	}
}
