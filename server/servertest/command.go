package servertest

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Ran is what one command line did.
type Ran struct {
	Status   int
	Out, Err string
}

// commandTimeout ends a command that should have ended long before.
const commandTimeout = time.Minute

// Firn runs a command line of the binary, as a user would.
func Firn(t testing.TB, stdin string, args ...string) Ran {
	t.Helper()
	var out, errs bytes.Buffer
	program := Binary(t) // which the first one builds, in time of its own
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Errorf("firn %.200q: %v", args, err)
		return Ran{Status: -1}
	}
	return Ran{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// Want fails the test unless the command line ended with this status and said
// all of these words, on either stream.
func (r Ran) Want(t testing.TB, status int, words ...string) {
	t.Helper()
	if r.Status != status {
		t.Errorf("exit status %d, want %d\n%s%s", r.Status, status, r.Out, r.Err)
	}
	for _, w := range words {
		if !strings.Contains(r.Out+r.Err, w) {
			t.Errorf("exit status %d, without the words %q\n%s%s", r.Status, w, r.Out, r.Err)
		}
	}
}
