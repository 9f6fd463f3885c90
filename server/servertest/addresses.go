package servertest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/firndb/firn/server"
)

// Ports are taken from here: below those that systems give to outgoing
// connections, one of which could otherwise take a node's port while the node
// is away.
const portMin, portMax, blockPorts = 10_000, 32_000, 500

// Several test binaries run at once, so each takes whole blocks of ports for
// itself: it listens on a block's first port for as long as it lives. Within a
// block no port is given out twice: between being chosen and being listened on,
// or while its node is away, it would be anybody's.
var block struct {
	mu         sync.Mutex
	next, last int // ports that are left; none where next > last
	guards     []net.Listener
}

// port returns a port that no other test, in this process or another one, is
// given.
func port(t testing.TB) int {
	t.Helper()
	block.mu.Lock()
	defer block.mu.Unlock()
	if len(block.guards) == 0 || block.next > block.last {
		for _, k := range rand.Perm((portMax - portMin) / blockPorts) {
			first := portMin + k*blockPorts
			guard, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first)))
			if err == nil {
				block.guards = append(block.guards, guard)
				block.next, block.last = first+1, first+blockPorts-1
				break
			}
		}
		if block.next > block.last || len(block.guards) == 0 {
			t.Fatalf("no block of %d ports between %d and %d is free", blockPorts, portMin, portMax)
		}
	}
	block.next++
	return block.next - 1
}

// places returns addresses on loopback that nobody listens on just now. They
// are all held until all are chosen, so that they differ.
func places(t testing.TB, n int) []server.Addresses {
	t.Helper()
	all := make([]server.Addresses, n)
	for i := range all {
		for _, address := range []*string{&all[i].Client, &all[i].Peer, &all[i].HTTP} {
			l := listen(t)
			defer l.Close()
			*address = l.Addr().String()
		}
	}
	return all
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	var last error
	for range 100 {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port(t))))
		if err == nil {
			return l
		}
		last = err
	}
	t.Fatalf("no port between %d and %d can be listened on: %v", portMin, portMax, last)
	return nil
}

// FreeAddress returns an address on loopback that nobody listens on just now.
func FreeAddress(t testing.TB) string { return places(t, 1)[0].Client }

// id returns the id of node i: n1, n2 …
func id(i int) string { return "n" + strconv.Itoa(i+1) }

func members(all []server.Addresses) []server.Member {
	list := make([]server.Member, len(all))
	for i, a := range all {
		list[i] = server.Member{ID: id(i), Peer: a.Peer}
	}
	return list
}

func clientAddresses(all []server.Addresses) string {
	list := make([]string, len(all))
	for i, a := range all {
		list[i] = a.Client
	}
	return strings.Join(list, ",")
}
