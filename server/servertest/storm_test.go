package servertest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/server/wire"
)

// TestReconnectStorm lets FIRN_STORM clients lose their connections at once and
// come back within ten seconds, each with a call that has to be answered, beside
// a client that stays and appends. How much longer its appends take meanwhile is
// printed, not asserted.
func TestReconnectStorm(t *testing.T) {
	t.Parallel()
	const span = 10 * time.Second
	wanted := testenv.Count(t, "FIRN_STORM", 300)
	n := min(wanted, openFiles()-500)
	p := servertest.Spawn(t, 1, "--max-connections", fmt.Sprint(n+100))
	db := p.Dial()
	calm := pace(t, db, 3*time.Second)
	before := p.Memory(0)

	clients := make([]net.Conn, n)
	defer func() {
		for _, nc := range clients {
			if nc != nil {
				nc.Close()
			}
		}
	}()
	join := func(i int) {
		nc, err := greet(p.Address(0))
		if err != nil {
			t.Errorf("client %d: %v", i, err)
			return
		}
		clients[i] = nc
	}
	each(n, 0, join)
	joined := p.Memory(0)
	for _, nc := range clients {
		if nc != nil {
			nc.Close()
		}
	}
	began := time.Now()
	storm := make(chan time.Duration, 1)
	go func() {
		each(n, span, join)
		storm <- time.Since(began)
	}()
	beside := pace(t, db, span)
	took := <-storm
	after := p.Memory(0)
	t.Logf("hostile: %d of %d clients came back within %v: appends beside them %v, before %v (p99 %.1f times); memory %v, with all of them before %v, without %v",
		n, wanted, took.Round(10*time.Millisecond), beside, calm, float64(beside.p99)/float64(calm.p99), after, joined, before)
	if after.Peak > memoryMax {
		t.Errorf("the node took %v of memory", after)
	}
}

// each calls do for each number below n, at about the same intervals over so
// long.
func each(n int, span time.Duration, do func(i int)) {
	var hands sync.WaitGroup
	began := time.Now()
	const workers = 16
	for w := range workers {
		hands.Go(func() {
			for i := w; i < n; i += workers {
				time.Sleep(time.Until(began.Add(span * time.Duration(i) / time.Duration(n))))
				do(i)
			}
		})
	}
	hands.Wait()
}

// greet connects, and returns once a call was answered.
func greet(address string) (net.Conn, error) {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	nc.SetDeadline(time.Now().Add(answerMax))
	b := wire.AppendFrame([]byte(wire.Magic), 0, &wire.Hello{VersionMin: 1, VersionMax: 1})
	_, err = nc.Write(wire.AppendFrame(b, 1, &wire.Head{}))
	in := bufio.NewReaderSize(nc, 512)
	for err == nil {
		var h wire.Header
		if h, err = wire.ReadHeader(in); err == nil {
			body := make([]byte, h.BodyBytes)
			if _, err = io.ReadFull(in, body); err == nil && h.Call == 1 {
				if h.Kind == wire.KindHeadAt {
					return nc, nc.SetDeadline(time.Time{})
				}
				err = fmt.Errorf("the call is answered with %v: %q", h.Kind, body)
			}
		}
	}
	nc.Close()
	return nil, err
}

// openFiles is how many files this process may have open, and so may each of
// its children.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(limit.Cur, 1<<20))
}
