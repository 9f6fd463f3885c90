//go:build unix

package tcp_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/wire"
)

// crowd, set in the environment to "address number", makes the test's program
// the crowd of clients: each process has its own limit of open files.
const crowd = "FIRN_TEST_CROWD"

func TestMain(m *testing.M) {
	if text := os.Getenv(crowd); text != "" {
		if err := beCrowd(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := flag.Set("test.parallel", "6"); err != nil { // most of their time they wait
		panic(err) // there is no such flag
	}
	os.Exit(m.Run())
}

// beCrowd opens connections, says so, and holds them until its input ends.
func beCrowd(text string) error {
	var address string
	var n int
	if _, err := fmt.Sscan(text, &address, &n); err != nil {
		return err
	}
	raiseFiles()
	hello := wire.AppendFrame([]byte(wire.Magic), 0, &wire.Hello{VersionMin: 1, VersionMax: 1})
	clients := make([]net.Conn, n)
	errs := make(chan error, 4)
	for part := range cap(errs) {
		go func() {
			in := bufio.NewReaderSize(nil, 512)
			for i := part; i < n; i += cap(errs) {
				c, err := net.Dial("tcp", address)
				if err != nil {
					errs <- err
					return
				}
				clients[i] = c
				c.Write(hello)
				in.Reset(c)
				if h, err := wire.ReadHeader(in); err != nil || h.Kind != wire.KindWelcome {
					errs <- fmt.Errorf("connection %d: got %v (%v), want Welcome", i, h.Kind, err)
					return
				}
			}
			errs <- nil
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			return err
		}
	}
	fmt.Println("connected")
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(clients)
	return nil
}

// TestIdleConnections has another process open 10,000 connections and holds what
// the door keeps for each of them, goroutine and buffers included, against
// 16 KiB. Where the limit of open files is lower, it is as many as there may be.
func TestIdleConnections(t *testing.T) {
	const want, perConnectionMax = 10_000, 16 << 10
	n := min(want, raiseFiles()-200)
	door := memoryDoor(t, tcp.Options{MaxConnections: n + 1})
	own := connected(t, door)
	before := memory()

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	clients := exec.Command(self)
	clients.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", crowd, door.Addr(), n))
	var complaints strings.Builder
	clients.Stderr = &complaints
	stdin, err := clients.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := clients.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := clients.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stdin.Close(); clients.Wait() }()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "connected\n" {
		t.Fatalf("the clients said %q (%v) %s", line, err, complaints.String())
	}

	per := (memory() - before) / uint64(n)
	t.Logf("%d idle connections take %d bytes each", n, per)
	if per > perConnectionMax {
		t.Errorf("an idle connection takes %d bytes, want at most %d", per, perConnectionMax)
	}
	if door.Connections() != n+1 {
		t.Errorf("the door counts %d connections, want %d", door.Connections(), n+1)
	}
	own.works()
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
func raiseFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(limit.Cur, 1<<20))
}
