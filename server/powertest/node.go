package powertest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/replication/peer/peertest"
	"github.com/firndb/firn/server"
)

// Where a node's data lies on its disk.
const dataDir = "firn"

// patience guards against what hangs. Nothing comes near it, however busy the
// machine is.
const patience = 2 * time.Minute

// small makes layers seal and the window of repetitions pass within a test.
var small = engine.Settings{LayerEvents: 24, LayerBytes: 64 << 10, Window: 4096}

// node is a cluster of one on a disk.
type node struct {
	*server.Node
	store server.Store
	fatal chan error // takes what ended the node
}

// start starts the node that lies on a disk, or a new one on an empty disk, and
// returns once it answers.
func start(d *disk) (*node, error) {
	const client, peer = "127.0.0.1:7400", "127.0.0.1:7410"
	network := peertest.NewSim().Host("127.0.0.1")
	n := &node{fatal: make(chan error, 1)}
	var err error
	n.Node, err = server.StartIn(server.Config{
		ID: "n1", Dir: dataDir, Listen: server.Addresses{Client: client, Peer: peer},
		Bootstrap:  []server.Member{{ID: "n1", Peer: peer}},
		CacheBytes: 8 << 20,
		DiskFree:   func() (uint64, error) { return 1 << 40, nil },
		Heartbeat:  20 * time.Millisecond,
		RaftLog:    server.RaftLog{SnapshotBytes: 12 << 10, TrailingBytes: 6 << 10},
		Logger:     slog.New(slog.DiscardHandler),
		OnFatal:    func(err error) { n.fatal <- err },
	}, server.Surroundings{FS: d, Peers: network, Clients: network, Store: small, LogTable: 256 << 10})
	if err != nil {
		return nil, err
	}
	n.store = n.Node.Store()
	return n, nil
}

// ready returns once the node answers, or says why it does not.
func (n *node) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := n.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-n.Failed():
			return fmt.Errorf("the node gave up: %w", n.Err())
		case <-ctx.Done():
			return fmt.Errorf("the node did not answer within %v: %w", patience, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// group returns where the group stands, once the node has taken it up.
func (n *node) group(ctx context.Context) (firn.GroupInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		info, err := n.store.GroupInfo(ctx, groupName)
		var e *firn.Error
		if err == nil || !errors.As(err, &e) || e.Retry() != firn.RetrySafe || n.Err() != nil {
			return info, err
		}
		wait(ctx, 2*time.Millisecond)
	}
}
