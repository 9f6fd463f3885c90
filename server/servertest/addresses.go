package servertest

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/firndb/firn/server"
)

// places returns addresses on loopback that nobody listens on just now. They
// are all held until all are chosen, so that they differ.
func places(t testing.TB, n int) []server.Addresses {
	t.Helper()
	all := make([]server.Addresses, n)
	for i := range all {
		for _, address := range []*string{&all[i].Client, &all[i].Peer, &all[i].HTTP} {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			*address = l.Addr().String()
		}
	}
	return all
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
