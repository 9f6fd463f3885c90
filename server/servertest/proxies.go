package servertest

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/firndb/firn/client"
)

// Proxies stand between the processes of a cluster, and between clients and
// processes, so that connections can be cut. What was sent over one that is cut
// is held back, and arrives once it is mended, as with TCP where nothing gives
// up.
type Proxies struct {
	p     *Processes
	n     int
	doors []*proxy // for clients

	mu   sync.Mutex
	cuts map[cut]chan struct{} // closed when it is mended
	open map[net.Conn]cut      // by whom to whom
	held atomic.Int64          // how often something was held back
}

// cut is a direction between two nodes, or between clients and a node.
type cut struct{ from, to int }

// clientsEnd is the end of a direction at which the clients are.
const clientsEnd = -1

// proxy listens in front of one port of one node.
type proxy struct {
	net.Listener
	node   int
	target string
	from   func(net.Conn) (who int, said []byte, err error) // who calls, and what it has said so far
}

// SpawnProxied is [Spawn] with proxies between all nodes, and in front of them
// for the clients of [Proxies.Dial]. prepare is called before the nodes are
// started. They have the flags each time that they are.
func SpawnProxied(t testing.TB, n int, prepare func(p *Processes), flags ...string) (*Processes, *Proxies) {
	t.Helper()
	p := newProcesses(t, n)
	x := &Proxies{p: p, n: n, cuts: make(map[cut]chan struct{}), open: make(map[net.Conn]cut)}
	t.Cleanup(x.Heal)
	for i := range n {
		peer := x.listen(t, &proxy{node: i, target: p.places[i].Peer, from: x.caller})
		p.flags[i] = append(flags[:len(flags):len(flags)], "--peer", p.places[i].Peer, "--advertise-peer", peer.Addr().String())
		p.places[i].Peer = peer.Addr().String() // which is how others know it
		x.doors = append(x.doors, x.listen(t, &proxy{node: i, target: p.places[i].Client, from: func(net.Conn) (int, []byte, error) { return clientsEnd, nil, nil }}))
	}
	prepare(p)
	p.begin()
	return p, x
}

func (x *Proxies) listen(t testing.TB, to *proxy) *proxy {
	t.Helper()
	to.Listener = listen(t)
	t.Cleanup(func() { to.Close() })
	go func() {
		for {
			nc, err := to.Accept()
			if err != nil {
				return
			}
			go x.pass(nc, to)
		}
	}()
	return to
}

// caller reads the handshake between nodes as far as the caller's name; see
// docs/formats/peer.md.
func (x *Proxies) caller(nc net.Conn) (who int, said []byte, err error) {
	said = make([]byte, 3+1+16+16+1)
	if _, err := io.ReadFull(nc, said); err != nil {
		return 0, nil, err
	}
	name := make([]byte, said[len(said)-1])
	if _, err := io.ReadFull(nc, name); err != nil {
		return 0, nil, err
	}
	for i := range x.n {
		if id(i) == string(name) {
			return i, append(said, name...), nil
		}
	}
	return 0, nil, fmt.Errorf("a node called %q is none of the cluster", name)
}

// pass connects a caller with the node, until either goes.
func (x *Proxies) pass(near net.Conn, to *proxy) {
	defer near.Close()
	who, said, err := to.from(near)
	if err != nil {
		return
	}
	there, back := cut{who, to.node}, cut{to.node, who}
	x.await(there, len(said) > 0)
	far, err := net.Dial("tcp", to.target)
	if err != nil {
		return
	}
	defer far.Close()
	x.mu.Lock()
	x.open[near], x.open[far] = there, there
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.open, near)
		delete(x.open, far)
	}()
	if _, err := far.Write(said); err != nil {
		return
	}
	var both sync.WaitGroup
	for _, way := range []struct {
		cut
		from, to net.Conn
	}{{there, near, far}, {back, far, near}} {
		both.Go(func() {
			defer near.Close()
			defer far.Close()
			b := make([]byte, 32<<10)
			for {
				n, err := way.from.Read(b)
				if n > 0 {
					x.await(way.cut, true)
					if _, err := way.to.Write(b[:n]); err != nil {
						return
					}
				}
				if err != nil {
					return
				}
			}
		})
	}
	both.Wait()
}

// await waits until the direction is not cut. Whether something waits is what
// tells that a cut has struck.
func (x *Proxies) await(c cut, something bool) {
	x.mu.Lock()
	mended := x.cuts[c]
	x.mu.Unlock()
	if mended == nil {
		return
	}
	if something {
		x.held.Add(1)
	}
	<-mended
}

// Held returns how often something was held back so far.
func (x *Proxies) Held() int64 { return x.held.Load() }

// Cut holds back what node from sends to node to, and not the other way.
func (x *Proxies) Cut(from, to int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if c := (cut{from, to}); x.cuts[c] == nil {
		x.cuts[c] = make(chan struct{})
	}
}

// Part cuts node i off from all other nodes, both ways. Clients reach it.
func (x *Proxies) Part(i int) {
	for j := range x.n {
		if j != i {
			x.Cut(i, j)
			x.Cut(j, i)
		}
	}
}

// Hide cuts clients off from node i. Nodes reach it.
func (x *Proxies) Hide(i int) {
	x.Cut(i, clientsEnd)
	x.Cut(clientsEnd, i)
}

// Heal takes back every cut.
func (x *Proxies) Heal() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for c, mended := range x.cuts {
		close(mended)
		delete(x.cuts, c)
	}
}

// Break resets all connections between clients and node i, and returns how many
// there were.
func (x *Proxies) Break(i int) (n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for nc, c := range x.open {
		if c == (cut{clientsEnd, i}) {
			nc.(*net.TCPConn).SetLinger(0)
			nc.Close()
			n++
		}
	}
	return n
}

// Dial returns a client of the whole cluster, which goes through the proxies. It
// is closed when the test ends.
func (x *Proxies) Dial(o client.Options) *client.Client {
	x.p.t.Helper()
	o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
		for i, at := range x.p.places {
			if at.Client == address {
				var d net.Dialer
				return d.DialContext(ctx, "tcp", x.doors[i].Addr().String())
			}
		}
		return nil, fmt.Errorf("no node has the address %s; there are %s", address, x.p.Addresses)
	}
	return x.p.DialWith(o)
}
