package servertest

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
)

// startTimeout bounds how long a cluster may take to elect a leader, on a
// machine on which other tests run as well.
const startTimeout = 2 * time.Minute

// Cluster is a cluster in the test's process. One goroutine uses it.
type Cluster struct {
	Addresses string // of all nodes, for clients

	t      testing.TB
	places []server.Addresses
	dir    string
	set    func(i int, c *server.Config)
	nodes  []*server.Node // nil: stopped
}

// Start starts a cluster of n nodes and returns once every node answers.
func Start(t testing.TB, n int) *Cluster {
	t.Helper()
	return StartWith(t, n, func(int, *server.Config) {})
}

// StartWith is Start with something set on each node's configuration, each time
// that it is started.
func StartWith(t testing.TB, n int, set func(i int, c *server.Config)) *Cluster {
	t.Helper()
	c := &Cluster{t: t, places: places(t, n), dir: t.TempDir(), set: set, nodes: make([]*server.Node, n)}
	c.Addresses = clientAddresses(c.places)
	t.Cleanup(func() {
		for i := range c.nodes {
			c.Stop(i)
		}
	})
	for i := range n {
		c.Run(i)
	}
	c.AwaitReady()
	return c
}

// Run starts node i, anew or again.
func (c *Cluster) Run(i int) {
	c.t.Helper()
	config := server.Config{
		ID: id(i), Dir: filepath.Join(c.dir, id(i)), Listen: c.places[i], Bootstrap: members(c.places),
		CacheBytes: 64 << 20, Logger: slog.New(slog.DiscardHandler),
	}
	c.set(i, &config)
	n, err := server.Start(config)
	if err != nil {
		c.t.Fatalf("node %s: %v", id(i), err)
	}
	c.nodes[i] = n
}

// Node returns node i, nil where it is stopped.
func (c *Cluster) Node(i int) *server.Node { return c.nodes[i] }

// Address returns the client address of node i.
func (c *Cluster) Address(i int) string { return c.places[i].Client }

// HTTP returns the HTTP address of node i.
func (c *Cluster) HTTP(i int) string { return c.places[i].HTTP }

// Peer returns the peer address of node i.
func (c *Cluster) Peer(i int) string { return c.places[i].Peer }

// Stop stops node i cleanly.
func (c *Cluster) Stop(i int) {
	if c.nodes[i] == nil {
		return
	}
	if err := c.nodes[i].Close(); err != nil {
		c.t.Errorf("stopping node %s: %v", id(i), err)
	}
	c.nodes[i] = nil
}

// AwaitReady returns once every running node answers linearizable calls.
func (c *Cluster) AwaitReady() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for i, n := range c.nodes {
		if n == nil {
			continue
		}
		for {
			err := n.Ready(ctx)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				c.t.Fatalf("node %s is not ready after %s: %v", id(i), startTimeout, err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// Leader returns which node leads by what the running nodes say, -1 where none
// of them knows.
func (c *Cluster) Leader() int {
	c.t.Helper()
	db, leader, term := c.Dial(), -1, uint64(0)
	defer db.Close()
	for i, n := range c.nodes {
		if n == nil {
			continue
		}
		status, err := db.Status(c.t.Context(), c.Address(i))
		if err != nil {
			c.t.Fatal(err)
		}
		if at := c.index(status.Leader); at >= 0 && status.Term > term {
			leader, term = at, status.Term
		}
	}
	return leader
}

// AwaitLeader waits until a node leads, and returns which: on a busy machine there
// may be none just now.
func (c *Cluster) AwaitLeader() int {
	c.t.Helper()
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if i := c.Leader(); i >= 0 {
			return i
		}
	}
	c.t.Fatal("no node leads")
	return -1
}

func (c *Cluster) index(name string) int {
	for i := range c.nodes {
		if id(i) == name {
			return i
		}
	}
	return -1
}

// Dial returns a client of the whole cluster, closed when the test ends.
func (c *Cluster) Dial() *client.Client {
	c.t.Helper()
	return Dial(c.t, c.Addresses, client.Options{})
}

// Dial returns a client, once a node at one of the addresses answers. It is
// closed when the test ends. Unless the options say otherwise it is patient: a
// machine that builds something beside the test may keep a cluster from having a
// leader for longer than a user would wait.
func Dial(t testing.TB, addresses string, o client.Options) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	return dial(ctx, t, addresses, o)
}

func dial(ctx context.Context, t testing.TB, addresses string, o client.Options) *client.Client {
	t.Helper()
	for {
		db, err := client.Dial(ctx, addresses, o)
		if err == nil {
			t.Cleanup(func() { db.Close() })
			return db
		}
		if ctx.Err() != nil {
			t.Fatalf("nobody answers at %s: %v", addresses, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
