package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for the command, so that a test can
// start what it tests as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("FIRN_TEST_AS_COMMAND") != "" {
		main()
	}
	os.Exit(m.Run())
}

// command is a command line in a process of its own.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "FIRN_TEST_AS_COMMAND=1", "TMPDIR="+t.TempDir())
	return cmd
}

// TestTheProcessOutlivesItsReader is the same with a real pipe: no signal ends
// the process before it can say that all is well.
func TestTheProcessOutlivesItsReader(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd := command(t, "version")
	cmd.Stdout = w
	if err := cmd.Run(); err != nil {
		t.Errorf("firn version into a closed pipe: %v", err)
	}
}

// TestServeStopsOnSIGTERM holds that a node told to stop does so, with exit
// status 0, and leaves its directory to the next.
func TestServeStopsOnSIGTERM(t *testing.T) {
	places, err := freePlaces(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for range 2 {
		cmd := command(t, "serve", "--id", "n1", "--dir", dir, "--listen", places[0].Client, "--peer", places[0].Peer, "--bootstrap", "n1="+places[0].Peer)
		var log strings.Builder
		cmd.Stderr = &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		o := &overTCP{t: t, addr: places[0].Client}
		for begun := time.Now(); o.run("", "append", "a-1", "--type", "T", "--timeout", "2s").status != exitDone; {
			if time.Since(begun) > time.Minute {
				cmd.Process.Kill()
				t.Fatalf("the node does not answer; it logged\n%s", &log)
			}
		}
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || !strings.Contains(log.String(), "stopping") {
			t.Fatalf("after SIGTERM: %v; it logged\n%s", err, &log)
		}
	}
}

// TestDemo runs the demo, which ends with exit status 0 only if every step held.
func TestDemo(t *testing.T) {
	t.Parallel()
	out, err := command(t, "demo").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
