package servertest_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/server/wire"
)

// TestStrangersOnThePorts sends what is no protocol of Firn's to every port of
// a node. Each stranger is let go, and the next client is served.
func TestStrangersOnThePorts(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 1)
	db := p.Dial()
	random := rand.New(rand.NewPCG(testenv.Seed(t), 0))
	garbage := make([]byte, 64<<10)
	for i := range garbage {
		garbage[i] = byte(random.Uint32())
	}
	hello := wire.AppendFrame([]byte(wire.Magic), 0, &wire.Hello{VersionMin: 1, VersionMax: 1})
	huge := wire.AppendFrame(nil, 1, &wire.Head{})
	binary.BigEndian.PutUint32(huge, 1<<32-1)
	hugeHello := append([]byte(wire.Magic), wire.AppendFrame(nil, 0, &wire.Hello{VersionMin: 1, VersionMax: 1})...)
	binary.BigEndian.PutUint32(hugeHello[len(wire.Magic):], 1<<32-1)
	for name, bytes := range map[string][]byte{
		"garbage":               garbage,
		"zeros":                 make([]byte, 64<<10),
		"HTTP":                  []byte("GET / HTTP/1.1\r\nHost: firn\r\n\r\n"),
		"4 GiB first":           {0xff, 0xff, 0xff, 0xff},
		"Hello of 4 GiB":        hugeHello,
		"4 GiB behind Hello":    append(append([]byte{}, hello...), huge...),
		"garbage behind Hello":  append(append([]byte{}, hello...), garbage...),
		"half a frame, and end": hello[:len(hello)-2],
	} {
		for port, address := range map[string]string{"client": p.Address(0), "peer": p.Peer(0), "HTTP": p.HTTP(0)} {
			t.Run(name+" to the "+port+" port", func(t *testing.T) {
				endsAfter(t, address, func(nc net.Conn) {
					nc.Write(bytes) // what becomes of it is the node's to say
					nc.(*net.TCPConn).CloseWrite()
				})
				append1(t, db, "order-1")
			})
		}
	}
}

// endsAfter connects, sends, and returns once the node has ended the
// connection.
func endsAfter(t *testing.T, address string, send func(net.Conn)) {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	send(nc)
	nc.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.Copy(io.Discard, nc); errors.Is(err, errDeadline) {
		t.Errorf("the node keeps the connection of a stranger")
	}
}

var errDeadline = os.ErrDeadlineExceeded

// TestOneByteASecond: a client that sends its handshake one byte a second is
// let go when the handshake's time is over; others are served meanwhile.
func TestOneByteASecond(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 1)
	db := p.Dial()
	hello := wire.AppendFrame([]byte(wire.Magic), 0, &wire.Hello{VersionMin: 1, VersionMax: 1})
	start := time.Now()
	endsAfter(t, p.Address(0), func(nc net.Conn) {
		for i := range hello {
			if _, err := nc.Write(hello[i : i+1]); err != nil {
				return
			}
			append1(t, db, "order-1")
			nc.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := nc.Read(make([]byte, 1)); err != nil && !errors.Is(err, errDeadline) {
				return
			}
			if time.Since(start) > time.Minute {
				t.Fatal("the node waits for one byte after the other")
			}
		}
	})
	t.Logf("let go after %v", time.Since(start).Round(time.Millisecond))
}

// TestTooManyConnections fills a node with connections. The next one is told
// so; when one has gone, there is room.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	const most = 8
	p := servertest.Spawn(t, 1, "--max-connections", "8")
	var clients []*client.Client
	for range most - 1 { // one is the cluster's own
		clients = append(clients, servertest.Dial(t, p.Addresses, client.Options{}))
	}
	_, err := client.Dial(t.Context(), p.Addresses, client.Options{})
	if !errors.Is(err, firn.ErrBusy) {
		t.Errorf("one connection too many is answered with: %v", err)
	}
	servertest.Firn(t, "", "stats", "--addr", p.Addresses).Want(t, 5, "8 connections, which is its limit")
	append1(t, clients[0], "order-1")
	clients[1].Close()
	r := servertest.Firn(t, "", "stats", "--addr", p.Addresses)
	for start := time.Now(); r.Status == 5 && time.Since(start) < time.Minute; { // the node has yet to notice
		r = servertest.Firn(t, "", "stats", "--addr", p.Addresses)
	}
	r.Want(t, 0, `"events":1`)
}
