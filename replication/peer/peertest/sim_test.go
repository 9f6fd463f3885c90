package peertest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn/replication/peer/peertest"
)

// pair connects host a to host b.
func pair(t *testing.T, sim *peertest.Sim) (a, b net.Conn) {
	t.Helper()
	l, err := sim.Host("b").Listen("b:1")
	if err != nil {
		t.Fatal(err)
	}
	a, err = sim.Host("a").Dial(t.Context(), "b:1")
	if err != nil {
		t.Fatal(err)
	}
	b, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = a.Close()
		_ = b.Close()
	})
	return a, b
}

func send(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Fatalf("received %q, %v, want %q", b, err, want)
	}
}

// What is sent over a cut link arrives in order once it is healed; the other
// direction is not touched.
func TestCutAndHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := peertest.NewSim()
		a, b := pair(t, sim)
		send(t, a, "one ")
		receive(t, b, "one ")
		sim.Cut("a", "b")
		send(t, a, "two ")
		send(t, a, "three")
		send(t, b, "back")
		receive(t, a, "back")
		_ = b.SetReadDeadline(time.Now().Add(time.Hour))
		start := time.Now()
		if n, err := b.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("over a cut link: %d bytes, %v after %v", n, err, time.Since(start))
		}
		_ = b.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Second, sim.Heal)
		receive(t, b, "two three")

		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		sim.Part("b", "a")
		if _, err := sim.Host("a").Dial(short, "b:1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dialling over a cut link: %v", err)
		}
	})
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := peertest.NewSim()
		sim.Delay("a", "b", 30*time.Millisecond)
		sim.Delay("b", "a", 10*time.Millisecond)
		start := time.Now()
		a, b := pair(t, sim)
		if took := time.Since(start); took != 40*time.Millisecond {
			t.Errorf("dialling took %v, want a round trip", took)
		}
		start = time.Now()
		send(t, a, "there")
		receive(t, b, "there")
		send(t, b, "and back")
		receive(t, a, "and back")
		if took := time.Since(start); took != 40*time.Millisecond {
			t.Errorf("there and back took %v", took)
		}
	})
}

// The end comes after what was sent before it; a reset comes at once; a full
// link blocks the sender.
func TestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := peertest.NewSim()
		a, b := pair(t, sim)
		send(t, a, "last words")
		_ = a.Close()
		receive(t, b, "last words")
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("reading a closed connection: %v", err)
		}
		_ = b.Close()
		if n := sim.Connections(); n != 0 {
			t.Errorf("%d connections are left", n)
		}

		a, b = pair(t, sim)
		send(t, a, "lost")
		sim.Break("b", "a")
		for _, c := range []net.Conn{a, b} {
			if _, err := c.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("after a reset: %v", err)
			}
		}

		a, _ = pair(t, sim)
		_ = a.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := a.Write(make([]byte, 1<<20)); n != 256<<10 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("nobody reads: %d bytes, %v", n, err)
		}
		if _, err := sim.Host("a").Dial(t.Context(), "b:1"); err == nil {
			t.Error("nobody listens, and the dial works")
		}
	})
}
