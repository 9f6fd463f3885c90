package tcp_test

import (
	"bufio"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/wire"
)

// TestIdleConnections opens 10,000 connections and holds what the door keeps
// for each of them, goroutine and buffers included, against 16 KiB. Where the
// limit of open files is lower, it opens as many as there may be.
func TestIdleConnections(t *testing.T) {
	const want, perConnectionMax = 10_000, 16 << 10
	n := min(want, (raiseFiles(t)-200)/2)
	door := memoryDoor(t, tcp.Options{MaxConnections: n})
	address := door.Addr().String()

	before := memory()
	clients := make([]net.Conn, n)
	defer func() {
		for _, c := range clients {
			if c != nil {
				c.Close()
			}
		}
	}()
	hello := wire.AppendFrame([]byte(wire.Magic), 0, &wire.Hello{VersionMin: 1, VersionMax: 1})
	var group sync.WaitGroup
	for part := range 4 {
		group.Go(func() {
			in := bufio.NewReaderSize(nil, 512)
			for i := part; i < n; i += 4 {
				c, err := net.Dial("tcp", address)
				if err != nil {
					t.Error(err)
					return
				}
				clients[i] = c
				in.Reset(c)
				if _, err := c.Write(hello); err != nil {
					t.Error(err)
					return
				}
				if h, err := wire.ReadHeader(in); err != nil || h.Kind != wire.KindWelcome {
					t.Errorf("connection %d: got %v (%v), want Welcome", i, h.Kind, err)
					return
				}
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	// The clients' side is counted too: a net.Conn each, without a goroutine.
	per := (memory() - before) / uint64(n)
	t.Logf("%d idle connections take %d bytes each", n, per)
	if per > perConnectionMax {
		t.Errorf("an idle connection takes %d bytes, want at most %d", per, perConnectionMax)
	}
	connectedAmong := &raw{t, clients[n/2], bufio.NewReader(clients[n/2])}
	connectedAmong.works()
}

// memory returns the bytes of heap and stacks in use.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// raiseFiles raises the limit of open files as far as it goes and returns it.
func raiseFiles(t *testing.T) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	const enough = 24_000
	higher := syscall.Rlimit{Cur: max(limit.Cur, enough), Max: max(limit.Max, enough)}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &higher); err == nil {
		return int(higher.Cur)
	}
	limit.Cur = limit.Max // only root may raise that one
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return int(limit.Cur)
}
