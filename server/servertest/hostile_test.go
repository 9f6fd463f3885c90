package servertest_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/server/wire"
)

// answerMax is a hang.
const answerMax = 60 * time.Second

// memoryMax is what a node of 64 MiB of caches may come to, whatever is sent to
// it: see "Memory" in docs/operations.md, twice for the garbage collector.
const memoryMax = 2 << 30

// TestBadFrames sends bad frames to every port of the nodes of a cluster:
// FIRN_HOSTILE of them, most to the clients' port. A frame whose header is right
// gets an error, which is never that something went wrong inside, and its
// connection goes on. Clients beside are answered as ever, memory stays bounded,
// and in the end every node has what those clients were told and nothing else.
func TestBadFrames(t *testing.T) {
	t.Parallel()
	frames, seed := testenv.Count(t, "FIRN_HOSTILE", 20_000), testenv.Seed(t)
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	load := servertest.StartLoad(t, 4, p.Dial())
	load.Await(20)
	good := goodFrames(t)
	before := make([]servertest.Memory, 3)
	for i := range before {
		before[i] = p.Memory(i)
	}
	began := time.Now()
	a := &assault{t: t, p: p, identity: db.Connected()[0]}
	a.left.Store(int64(frames))
	var hands sync.WaitGroup
	for i := range 6 {
		s := &spoiler{rand.New(rand.NewPCG(seed, uint64(i))), good}
		hands.Go(func() {
			for a.left.Load() > 0 && !t.Failed() {
				a.strike(s)
			}
		})
	}
	hands.Wait()
	took := time.Since(began)
	load.Await(20)
	load.Stop()
	for i := range before {
		if after := p.Memory(i); after.Peak > memoryMax {
			t.Errorf("node %d took %v of memory, %v before", i+1, after, before[i])
		} else {
			t.Logf("hostile: memory of node %d: %v before, %v after", i+1, before[i], after)
		}
		if text := p.Log(i); strings.Contains(text, "panic") {
			t.Errorf("node %d panicked:\n%s", i+1, text)
		}
	}
	load.Check(servertest.Agree(t, db, p.Nodes()...))
	t.Logf("hostile: %v in %v; the clients' port answered %v", a, took.Round(time.Second), a.answers())
}

// assault counts what was sent, and what was answered.
type assault struct {
	t        *testing.T
	p        *servertest.Processes
	identity client.Node
	left     atomic.Int64
	bodies   atomic.Int64 // behind a right header
	headers  atomic.Int64
	greeting atomic.Int64 // instead of a handshake between nodes
	calls    atomic.Int64 // after one
	raft     atomic.Int64 // likewise
	requests atomic.Int64 // to HTTP

	mu    sync.Mutex
	kinds map[string]int
}

func (a *assault) String() string {
	return fmt.Sprintf("%d bad bodies, %d bad headers, %d handshakes between nodes, %d calls and %d Raft requests after one, %d HTTP requests",
		a.bodies.Load(), a.headers.Load(), a.greeting.Load(), a.calls.Load(), a.raft.Load(), a.requests.Load())
}

func (a *assault) answers() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []string
	for _, kind := range slices.Sorted(maps.Keys(a.kinds)) {
		list = append(list, fmt.Sprintf("%d %s", a.kinds[kind], kind))
	}
	return strings.Join(list, ", ")
}

// strike sends some bad frames to one port of one node.
func (a *assault) strike(s *spoiler) {
	node, port := s.IntN(3), s.IntN(8)
	if port > 3 {
		a.bodiesTo(s, node, 1+s.IntN(400))
		return
	}
	for range 8 {
		switch hello := helloFor(a.identity.Cluster, a.identity.History, "n2"); port {
		case 0:
			a.to(a.p.Peer(node), &a.greeting, s.flip(hello(purposeCall)))
		case 1:
			a.to(a.p.Peer(node), &a.calls, hello(purposeCall), s.peerCall(), s.peerCall(), s.peerCall())
		case 2:
			a.to(a.p.Peer(node), &a.raft, hello(purposeRaft), s.raftGarbage())
		case 3:
			a.to(a.p.HTTP(node), &a.requests, s.request())
		}
	}
}

// to sends frames over a connection of their own, the first of which is right
// where there are several, and returns once the node has ended it.
func (a *assault) to(address string, count *atomic.Int64, frames ...[]byte) {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		a.t.Errorf("nobody listens at %s: %v", address, err)
		return
	}
	defer nc.Close()
	for _, b := range frames {
		nc.Write(b) // what becomes of it is the node's to say
	}
	sent := int64(max(1, len(frames)-1))
	count.Add(sent)
	a.left.Add(-sent)
	nc.(*net.TCPConn).CloseWrite()
	nc.SetReadDeadline(time.Now().Add(answerMax))
	if _, err := io.Copy(io.Discard, nc); errors.Is(err, os.ErrDeadlineExceeded) {
		a.t.Errorf("the node at %s keeps a connection for %v after %x", address, answerMax, frames)
	}
}

// bodiesTo sends frames whose header is right, a ping to see that the connection
// has survived them, and at last something that it need not survive.
func (a *assault) bodiesTo(s *spoiler, node, n int) {
	address := a.p.Address(node)
	nc, err := net.Dial("tcp", address)
	if err != nil {
		a.t.Errorf("nobody listens at %s: %v", address, err)
		return
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(2 * answerMax))
	in := bufio.NewReader(nc)
	sent := make(map[uint64][]byte, n)
	out := wire.AppendFrame([]byte(wire.Magic), 0, &wire.Hello{VersionMin: 1, VersionMax: 1})
	for i := range uint64(n) {
		sent[i+1] = s.body(i + 1)
		out = append(out, sent[i+1]...)
	}
	last := uint64(n + 1)
	out = wire.AppendFrame(out, last, &wire.Plain{Is: wire.KindPing})
	go nc.Write(out)
	for survived := false; ; {
		h, err := wire.ReadHeader(in)
		if err == nil {
			body := make([]byte, h.BodyBytes)
			if _, err = io.ReadFull(in, body); err == nil {
				a.answered(h, body, sent[h.Call])
				if h.Kind == wire.KindPong && h.Call == last {
					survived = true
					nc.Write(s.header())
					nc.(*net.TCPConn).CloseWrite()
				}
				continue
			}
		}
		if !survived {
			a.t.Errorf("a connection to node %d ended with %v after %d frames whose headers are right", node+1, err, n)
		}
		break
	}
	a.bodies.Add(int64(n))
	a.headers.Add(1)
	a.left.Add(int64(-n - 1))
}

// answered looks at an answer: that a node is at fault is nothing that a client
// should be able to bring about.
func (a *assault) answered(h wire.Header, body, sent []byte) {
	what := h.Kind.String()
	if h.Kind == wire.KindError {
		m := new(wire.Error)
		if err := wire.ParseInto(m, body); err != nil {
			a.t.Errorf("an error that cannot be read: %v", err)
			return
		}
		what = m.Err.Kind.String()
		if m.Err.Kind == firn.ErrInternal || m.Err.Kind == firn.ErrDamaged {
			a.t.Errorf("the frame %.400x is answered with: %v", sent, m.Err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kinds == nil {
		a.kinds = make(map[string]int)
	}
	a.kinds[what]++
}
