package servertest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/replication/peer/peertest"
	"github.com/firndb/firn/server"
)

// upgraded is a cluster in a bubble, whose nodes are replaced by those of another
// release while clients append.
type upgraded struct {
	t     *testing.T
	net   *peertest.Sim
	disks map[string]*vfs.MemFS

	mu    sync.Mutex
	nodes map[string]*server.Node
}

var upgradedNames = []string{"n1", "n2", "n3"}

// start starts a node of a release that can do cluster versions up to knows.
func (u *upgraded) start(id, join string, knows uint64) (*server.Node, error) {
	u.t.Helper()
	if u.disks[id] == nil {
		u.disks[id] = vfs.NewMem()
	}
	c := server.Config{
		ID: id, Dir: "/data", Insecure: true, Listen: server.Addresses{Client: id + ":7400", Peer: id + ":7410"}, Join: join,
		CacheBytes: 8 << 20, DiskFree: func() (uint64, error) { return 100 << 30, nil }, Logger: slog.New(slog.DiscardHandler),
	}
	if join == "" {
		for _, name := range upgradedNames {
			c.Bootstrap = append(c.Bootstrap, server.Member{ID: name, Peer: name + ":7410"})
		}
	}
	host := u.net.Host(id)
	n, err := server.StartIn(c, server.Surroundings{FS: u.disks[id], Peers: host, Clients: host, LogTable: 64 << 10, Knows: knows})
	if err == nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.nodes[id] = n
	}
	return n, err
}

func (u *upgraded) node(id string) *server.Node {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.nodes[id]
}

func (u *upgraded) stop(id string) {
	u.t.Helper()
	if err := u.node(id).Close(); err != nil {
		u.t.Errorf("stopping %s: %v", id, err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.nodes[id] = nil
}

func (u *upgraded) awaitReady() {
	u.t.Helper()
	for _, id := range upgradedNames {
		for n, end := u.node(id), time.Now().Add(time.Minute); n != nil; time.Sleep(10 * time.Millisecond) {
			if err := n.Ready(u.t.Context()); err == nil {
				break
			} else if time.Now().After(end) {
				u.t.Fatalf("%s: %v", id, err)
			}
		}
	}
}

// version asks a node for the cluster version.
func (u *upgraded) version(id string) uint64 {
	u.t.Helper()
	db, err := client.Dial(u.t.Context(), id+":7400", client.Options{Dial: u.net.Host("operator").Dial})
	if err != nil {
		u.t.Fatal(err)
	}
	defer db.Close()
	status, err := db.Status(u.t.Context(), id+":7400")
	if err != nil {
		u.t.Fatal(err)
	}
	return status.Version
}

// appender appends one event after the other, and repeats nothing by itself: it
// counts how often an append was refused that had found the leader, or for which
// there was none.
type appender struct {
	u       *upgraded
	stream  string
	at      int // the node that led
	done    uint64
	refused []int // for each append that was refused, how often
}

func (a *appender) run(ctx context.Context) {
	for ctx.Err() == nil {
		w := firn.To(a.stream, firn.Any, firn.Draft{ID: firn.NewID(), Type: "T"})
		refused := 0
		for !a.append(w) {
			refused++
			time.Sleep(100 * time.Millisecond)
		}
		a.done++
		if refused > 0 {
			a.refused = append(a.refused, refused)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// append goes from node to node, as a client does that is told who does not lead.
func (a *appender) append(w firn.Write) bool {
	for range upgradedNames {
		if n := a.u.node(upgradedNames[a.at]); n != nil {
			_, err := n.Store().Append(context.Background(), w)
			if err == nil || !errors.Is(err, firn.ErrNotLeader) {
				return err == nil
			}
		}
		a.at = (a.at + 1) % len(upgradedNames)
	}
	return false
}

// TestRollingUpgrade replaces a cluster's nodes under load, one after the other, by
// those of a release that can do the next cluster version. Each costs a client at
// most one append that is refused, once. The cluster stays at its version until the
// last of them is replaced, and then moves on; nodes of the old release are refused.
func TestRollingUpgrade(t *testing.T) {
	const now, next, clients = command.VersionNow, command.VersionNow + 1, 4
	synctest.Test(t, func(t *testing.T) {
		u := &upgraded{t: t, net: peertest.NewSim(), disks: map[string]*vfs.MemFS{}, nodes: map[string]*server.Node{}}
		defer func() {
			for id, n := range u.nodes {
				if n != nil {
					u.stop(id)
				}
			}
		}()
		for _, id := range upgradedNames {
			if _, err := u.start(id, "", now); err != nil {
				t.Fatal(err)
			}
		}
		u.awaitReady()
		time.Sleep(5 * time.Second)

		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		var appenders []*appender
		for i := range clients {
			a := &appender{u: u, stream: fmt.Sprint("load-", i)}
			appenders = append(appenders, a)
			running.Go(func() { a.run(ctx) })
		}
		for _, id := range upgradedNames {
			time.Sleep(5 * time.Second)
			if v := u.version(id); v != now {
				t.Errorf("before %s is replaced the cluster is at version %d, want %d", id, v, now)
			}
			u.stop(id)
			time.Sleep(5 * time.Second)
			if _, err := u.start(id, "", next); err != nil {
				t.Fatal(err)
			}
			u.awaitReady()
		}
		time.Sleep(5 * time.Second)
		stop()
		running.Wait()
		for _, a := range appenders {
			t.Logf("%s: %d appends, refused: %v", a.stream, a.done, a.refused)
			if len(a.refused) > len(upgradedNames) || a.done < 500 {
				t.Errorf("%s: of %d appends %d were refused, for %d nodes", a.stream, a.done, len(a.refused), len(upgradedNames))
			}
			for _, times := range a.refused {
				if times > 1 {
					t.Errorf("%s: an append was refused %d times", a.stream, times)
				}
			}
			info, err := u.node("n1").Store().Stream(t.Context(), a.stream, firn.Point{})
			if err != nil || uint64(info.Revision)+1 != a.done {
				t.Errorf("%s: %d appends were acknowledged, the stream ends at %d: %v", a.stream, a.done, info.Revision, err)
			}
		}
		for _, id := range upgradedNames {
			if v := u.version(id); v != next {
				t.Errorf("%s is at cluster version %d, want %d", id, v, next)
			}
		}

		const words = "this release knows 1"
		old, err := u.start("n4", "n1:7400", now) // a new node
		if err != nil {
			t.Fatal(err)
		}
		<-old.Failed()
		if err := old.Err(); !errors.Is(err, firn.ErrUnsupported) || !strings.Contains(err.Error(), words) {
			t.Errorf("a node that joins: %v", err)
		}
		u.stop("n2")
		if _, err := u.start("n2", "", now); !errors.Is(err, firn.ErrUnsupported) || !strings.Contains(err.Error(), words) { // taken back
			t.Errorf("a node that was at version %d: %v", next, err)
		}
	})
}
