//go:build unix

package function

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ran is what a command did.
type ran struct {
	out, errs string
	err       error
}

func runs(ctx context.Context, command string) ran {
	var out, errs bytes.Buffer
	x := &Exec{Group: "g", Command: command, Stdout: &out, Stderr: &errs}
	err := x.Handle(ctx, delivery())
	return ran{out.String(), errs.String(), err}
}

// TestExecTells: a command finds the event in its input, and what is beside it
// in its environment.
func TestExecTells(t *testing.T) {
	r := runs(t.Context(), `cat; echo "$FIRN_GROUP $FIRN_STREAM $FIRN_REVISION $FIRN_POSITION $FIRN_TYPE $FIRN_ID $FIRN_ATTEMPT $FIRN_REPLAY"; echo aside >&2`)
	const want = `{"stream":"order-42","revision":3,"position":17,"id":"00000000-0000-0000-0000-000000000001","type":"OrderPlaced","schema":0,"time":"2026-03-01T14:32:07.000000Z","data":{"total":100.10},"metadata":null}
g order-42 3 17 OrderPlaced 00000000-0000-0000-0000-000000000001 2 true
`
	if r.err != nil || r.out != want || r.errs != "aside\n" {
		t.Errorf("%+v, want %s", r, want)
	}
}

// TestExecFails: the last line of standard error is the reason.
func TestExecFails(t *testing.T) {
	for command, want := range map[string]string{
		"echo first >&2; echo '  last  ' >&2; echo >&2; exit 3": "last",
		"exit 3":                         "exit status 3",
		"printf 'no end' >&2; false":     "no end",
		"kill -9 $$":                     "signal: killed",
		"cat >/dev/null; echo x; exit 1": "exit status 1",
	} {
		if r := runs(t.Context(), command); r.err == nil || r.err.Error() != want {
			t.Errorf("%s: %v, want %s", command, r.err, want)
		}
	}
	// An event that is not read, and a process in the background that keeps the
	// output, are nobody's fault.
	for _, command := range []string{"exit 0", "sleep 60 & echo $! >&2"} {
		r := runs(t.Context(), command)
		if r.err != nil {
			t.Errorf("%s: %v", command, r.err)
		}
		if pid, err := strconv.Atoi(strings.TrimSpace(r.errs)); err == nil {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// TestExecCannotRun: a command that is not there is no event's fault.
func TestExecCannotRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(file, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"there-is-no-such-command", file} {
		if r := runs(t.Context(), command); r.err == nil || !strings.Contains(r.err.Error(), "cannot be run") || !strings.Contains(r.err.Error(), filepath.Base(command)) {
			t.Errorf("%s: %v", command, r.err)
		}
	}
	x := &Exec{Command: "echo out", Stdout: closedWriter{}, Stderr: closedWriter{}}
	if err := x.Handle(t.Context(), delivery()); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("nobody reads what is printed: %v", err)
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, syscall.EPIPE }

// TestExecKills: a command that outlives its lease goes, with all it has
// started.
func TestExecKills(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if b, err := os.ReadFile(started); err == nil && bytes.HasSuffix(b, []byte("\n")) {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	r := runs(ctx, "echo working >&2; sleep 600 & echo $! >"+started+"; wait")
	if r.err == nil || !strings.Contains(r.err.Error(), "killed after") || !strings.HasSuffix(r.err.Error(), "working") {
		t.Errorf("%+v", r)
	}
	b, err := os.ReadFile(started)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); alive(child); time.Sleep(time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal("what the command had started goes on")
		}
	}
}

// alive reports whether a process runs. One that has ended, and that nobody has
// waited for, does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

// TestLines: what is printed arrives whole, however long its lines are.
func TestLines(t *testing.T) {
	long := strings.Repeat("x", 3*lineBytesMax+7)
	r := runs(t.Context(), "printf '"+long+"'; echo; echo end")
	if r.err != nil || r.out != long+"\nend\n" {
		t.Errorf("%v, %d bytes of %d", r.err, len(r.out), len(long)+5)
	}
	// Endless output takes no memory: it is passed on as it comes.
	if r := runs(t.Context(), "head -c 3000000 /dev/zero >&2; exit 1"); r.err == nil || len(r.err.Error()) > lineBytesMax || len(r.errs) != 3000001 {
		t.Errorf("%d bytes were passed on", len(r.errs))
	}
}
