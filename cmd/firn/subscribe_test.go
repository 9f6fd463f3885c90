package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// following is firn subscribe, running.
type following struct {
	lines  *bufio.Scanner
	out    *io.PipeReader
	cancel context.CancelFunc // Ctrl-C
	status chan int
	err    bytes.Buffer
}

func (c *cli) follow(args ...string) *following {
	c.t.Helper()
	f := &following{status: make(chan int, 1)}
	ctx, cancel := context.WithCancel(c.t.Context())
	f.cancel = cancel
	out, in := io.Pipe()
	f.out, f.lines = out, bufio.NewScanner(out)
	console := c.console("", new(bytes.Buffer), &f.err)
	console.out = in
	go func() {
		f.status <- run(ctx, args, console)
		in.Close()
	}()
	c.t.Cleanup(func() {
		cancel()
		out.Close()
	})
	return f
}

// want ends the test unless the next line has this in it.
func (f *following) want(t *testing.T, part string) {
	t.Helper()
	if !f.lines.Scan() || !strings.Contains(f.lines.Text(), part) {
		t.Fatalf("got the line %q (%v), want %s in it; on stderr: %s", f.lines.Text(), f.lines.Err(), part, &f.err)
	}
}

// TestSubscribeFollows holds that events are printed when they come, however
// long that takes, and that Ctrl-C is a good end.
func TestSubscribeFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCLI(t)
		c.ok("append", "order-1", "--type", "T")
		f := c.follow("subscribe", "--category", "order", "--marks", "--timeout", "10s")
		f.want(t, `"position":1`)
		f.want(t, `"mark":"caught-up","at":1`)
		time.Sleep(time.Hour) // of the bubble's time, and nothing is wrong
		for n := 2; n < 5; n++ {
			c.ok("append", "order-1", "--type", "T")
			f.want(t, fmt.Sprintf(`"position":%d`, n))
		}
		c.ok("append", "cart-1", "--type", "T")
		f.want(t, `"mark":"checkpoint","at":5`)
		f.cancel()
		if f.lines.Scan() {
			t.Errorf("after Ctrl-C it printed %s", f.lines.Text())
		}
		if status := <-f.status; status != exitDone || f.err.Len() > 0 {
			t.Errorf("Ctrl-C ended it with exit status %d and %q on stderr", status, &f.err)
		}
	})
}

// TestSubscribeEndsWithItsReader holds that a reader who has seen enough is no
// fault.
func TestSubscribeEndsWithItsReader(t *testing.T) {
	c := newCLI(t)
	f := c.follow("subscribe", "order-1")
	c.ok("append", "order-1", "--type", "T")
	f.want(t, `"position":1`)
	f.out.Close()
	c.ok("append", "order-1", "--type", "T")
	if status := <-f.status; status != exitDone || f.err.Len() > 0 {
		t.Errorf("a closed pipe ended it with exit status %d and %q on stderr", status, &f.err)
	}
}
