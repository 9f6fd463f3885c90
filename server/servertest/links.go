package servertest

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/firndb/firn/client"
	"github.com/firndb/firn/replication/peer/peertest"
	"github.com/firndb/firn/server"
)

// Links are the network of a cluster, of which links can be cut. What was sent
// over one that is cut arrives once it is healed, as with TCP.
type Links struct {
	sim     *peertest.Sim
	cluster *Cluster
}

// StartLinked is [StartWith] on a network of its own: between nodes it is
// simulated, and the clients of [Links.Dial] go through it to the nodes' doors.
func StartLinked(t testing.TB, n int, set func(i int, c *server.Config)) (*Cluster, *Links) {
	t.Helper()
	l := &Links{sim: peertest.NewSim()}
	l.cluster = StartWith(t, n, func(i int, c *server.Config) {
		c.Listen.Peer, c.Bootstrap = l.peer(i), nil
		for j := range n {
			c.Bootstrap = append(c.Bootstrap, server.Member{ID: id(j), Peer: l.peer(j)})
		}
		c.Peers, c.Insecure = l.sim.Host(id(i)), true // its addresses are not loopback's
		set(i, c)
	})
	for i := range n {
		l.open(t, i)
	}
	t.Cleanup(l.Heal)
	return l.cluster, l
}

func (l *Links) peer(i int) string { return id(i) + ":7410" }

// clients is the host that all clients are on, and door that of the way into
// node i.
const clients = "clients"

func door(i int) string { return "door-" + id(i) }

// open lets clients through to node i.
func (l *Links) open(t testing.TB, i int) {
	t.Helper()
	incoming, err := l.sim.Host(door(i)).Listen(door(i) + ":7400")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { incoming.Close() })
	go func() {
		for {
			from, err := incoming.Accept()
			if err != nil {
				return
			}
			go pass(from, l.cluster.Address(i))
		}
	}()
}

// pass connects a client with a node, until either goes.
func pass(from net.Conn, address string) {
	defer from.Close()
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		io.Copy(to, from)
		to.Close()
		from.Close()
	}()
	io.Copy(from, to)
}

// Dial returns a client of the whole cluster, closed when the test ends.
func (l *Links) Dial(t testing.TB, o client.Options) *client.Client {
	t.Helper()
	o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
		for i, place := range l.cluster.places {
			if place.Client == address {
				return l.sim.Host(clients).Dial(ctx, door(i)+":7400")
			}
		}
		return nil, fmt.Errorf("no node has the address %s; there are %s", address, l.cluster.Addresses)
	}
	return Dial(t, l.cluster.Addresses, o)
}

// Part cuts node i off from the other nodes. Clients reach it.
func (l *Links) Part(i int) {
	for j := range l.cluster.nodes {
		if j != i {
			l.sim.Part(id(i), id(j))
		}
	}
}

// Cut holds back what node from sends to node to, and not the other way.
func (l *Links) Cut(from, to int) { l.sim.Cut(id(from), id(to)) }

// Hide cuts clients off from node i. Nodes reach it.
func (l *Links) Hide(i int) { l.sim.Part(clients, door(i)) }

// Break resets all connections between clients and node i, once.
func (l *Links) Break(i int) { l.sim.Break(clients, door(i)) }

// Heal takes back every cut.
func (l *Links) Heal() { l.sim.Heal() }
