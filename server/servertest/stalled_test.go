package servertest_test

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/server/wire"
)

// stalled is a client that is slow, or has stopped, in one way.
type stalled struct {
	name  string
	parts int  // of all clients, 1 in so many
	http  bool // its port
	send  func(nc net.Conn)
}

// TestStalledClients lets clients stall in every way that the protocols have:
// FIRN_STALLED of them, together. Once the node has done what it does for them, a
// client beside them is answered as ever, and the node's memory is bounded.
func TestStalledClients(t *testing.T) {
	t.Parallel()
	clients := testenv.Count(t, "FIRN_STALLED", 120)
	p := servertest.Spawn(t, 1, "--max-connections", fmt.Sprint(clients+100))
	db := p.Dial()
	fillUp(t, db, 16<<20)
	before := p.Memory(0)
	calm := pace(t, db, 2*time.Second)

	greeting := wire.AppendFrame([]byte(wire.Magic), 0, &wire.Hello{VersionMin: 1, VersionMax: 1})
	ask := func(m wire.Message) []byte { return wire.AppendFrame(slices.Clone(greeting), 1, m) }
	all := firn.Query{All: true}
	head := wire.AppendFrame(nil, 2, &wire.Head{Consistency: firn.Consistency{Local: true}})
	long := ask(&wire.Append{Writes: []wire.Write{{Stream: "stalled", Records: [][]byte{make([]byte, 4<<20)}}}})
	post := "POST /streams/stalled?type=T HTTP/1.1\r\nHost: f\r\nContent-Type: application/json\r\nContent-Length: 4000000\r\n\r\n{"
	once := func(b []byte) func(net.Conn) { return func(nc net.Conn) { nc.Write(b) } }
	var open []net.Conn
	defer func() {
		for _, nc := range open {
			nc.Close()
		}
	}()
	var busy sync.WaitGroup
	for _, s := range []stalled{
		{"half a greeting", 10, false, once(greeting[:len(greeting)/2])},
		{"half a header", 10, false, once(append(slices.Clone(greeting), 0, 0, 1))},
		{"the beginning of a long frame", 2, false, once(long[:len(greeting)+100])},
		{"a read that is not taken", 10, false, once(ask(&wire.Read{Query: all, Credit: 1 << 40}))},
		{"a read without credit", 10, false, once(ask(&wire.Read{Query: all}))},
		{"a subscription that is not taken", 10, false, once(ask(&wire.Subscribe{Query: all, Credit: 1 << 40}))},
		{"a subscription without credit", 10, false, once(ask(&wire.Subscribe{Query: all}))},
		{"calls whose answers are not taken", 100, false, func(nc net.Conn) {
			many := slices.Repeat(head, 1000)
			nc.Write(greeting)
			busy.Go(func() {
				for {
					if _, err := nc.Write(many); err != nil {
						return
					}
				}
			})
		}},
		{"half a request", 20, true, once([]byte("GET /all?limit=1 HTTP/1.1\r\nHost:"))},
		{"half a body", 20, true, once([]byte(post))},
		{"events that are not taken", 20, true, once([]byte("GET /all HTTP/1.1\r\nHost: f\r\n\r\n"))},
		{"a subscription over HTTP that is not taken", 20, true, once([]byte("GET /all HTTP/1.1\r\nHost: f\r\nAccept: text/event-stream\r\n\r\n"))},
	} {
		address := p.Address(0)
		if s.http {
			address = p.HTTP(0)
		}
		n := max(1, clients/s.parts)
		for range n {
			nc, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatalf("%s: client %d: %v", s.name, len(open), err)
			}
			nc.(*net.TCPConn).SetReadBuffer(4 << 10)
			open = append(open, nc)
			s.send(nc)
		}
		t.Logf("hostile: %d clients: %s; memory %v", n, s.name, p.Memory(0))
	}
	p.AwaitIdle(0)
	beside := pace(t, db, 5*time.Second)
	after := p.Memory(0)
	t.Logf("hostile: %d stalled clients: appends beside them %v, before %v; memory %v, before %v", len(open), beside, calm, after, before)
	if after.Peak > memoryMax {
		t.Errorf("the node took %v of memory", after)
	}
	for _, nc := range open {
		nc.Close()
	}
	busy.Wait()
	append1(t, db, "order-1")
	if text := p.Log(0); strings.Contains(text, "panic") {
		t.Errorf("the node panicked:\n%s", text)
	}
}

// fillUp appends about so many bytes of events.
func fillUp(t *testing.T, db *client.Client, bytes int) {
	t.Helper()
	const size = 1000
	for n := 0; n < bytes; n += 500 * size {
		var drafts []firn.Draft
		for range 500 {
			drafts = append(drafts, firn.Draft{Type: "Filled", Data: fmt.Appendf(nil, `"%0*d"`, size-2, n)})
		}
		if _, err := db.Append(t.Context(), firn.To(fmt.Sprint("fill-", n), firn.Any, drafts...)); err != nil {
			t.Fatal(err)
		}
	}
}

// paces says how long appends took.
type paces struct {
	n             int
	p50, p99, max time.Duration
}

func (p paces) String() string {
	return fmt.Sprintf("p50 %v, p99 %v, max %v of %d", p.p50.Round(10*time.Microsecond), p.p99.Round(10*time.Microsecond), p.max.Round(time.Millisecond), p.n)
}

// pace lets eight callers append for so long. Each append has to succeed.
func pace(t *testing.T, db *client.Client, d time.Duration) paces {
	t.Helper()
	end := time.Now().Add(d)
	var mu sync.Mutex
	var took []time.Duration
	var callers sync.WaitGroup
	for i := range 8 {
		callers.Go(func() {
			for time.Now().Before(end) {
				began := time.Now()
				_, err := db.Append(t.Context(), firn.To(fmt.Sprint("pace-", i), firn.Any, firn.Draft{Type: "Paced", Data: []byte("{}")}))
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
				if err != nil {
					t.Errorf("a client beside: %v", err)
					return
				}
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	callers.Wait()
	return summary(took)
}

func summary(took []time.Duration) paces {
	if len(took) == 0 {
		return paces{}
	}
	slices.Sort(took)
	at := func(part float64) time.Duration { return took[int(math.Ceil(part*float64(len(took))))-1] }
	return paces{len(took), at(0.5), at(0.99), at(1)}
}
