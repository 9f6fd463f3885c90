package tcp_test

import (
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/engine/storetest"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
)

// dial connects a client to a door, until the test ends.
func dial(t testing.TB, addresses string, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), addresses, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func overTCP(t *testing.T) firn.Store {
	door := tcptest.Serve(t, tcptest.New(firn.Memory()), tcp.Options{})
	return dial(t, door.Addr().String(), client.Options{})
}

func TestStore(t *testing.T) { storetest.Run(t, overTCP) }

func TestStoreRandomly(t *testing.T) { storetest.Random(t, overTCP, 1000) }
