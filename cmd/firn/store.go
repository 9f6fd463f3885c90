package main

import (
	"context"
	"io"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/wire"
)

// store is what the commands ask a cluster for: the store itself, and what can
// only be asked of running nodes. A test answers from memory.
type store interface {
	firn.Store
	firn.Dated
	firn.Groups
	firn.Definitions
	firn.History

	// DefineWithID is Define with an id by which it can be repeated.
	DefineWithID(ctx context.Context, id firn.ID, class firn.DefinitionClass, name string, source []byte, expect firn.Expectation) (firn.Definition, error)

	// Resolve says which position a point in time is, 0 for before the first;
	// open says that later events could still fall into the moment.
	Resolve(ctx context.Context, p firn.Point, c firn.Consistency) (at firn.Position, open bool, err error)

	// These are answered by the node at the address, for "" by the first that
	// answers.
	Stats(ctx context.Context, address string) (wire.Stats, error)
	Status(ctx context.Context, address string) (wire.ClusterStatus, error)
	Verify(ctx context.Context, address string, progress func(done, total uint64)) (wire.Report, error)
	backups

	Scavengeable(ctx context.Context, address string, progress func(done, total uint64)) (wire.Scavenged, error)
	Scavenge(ctx context.Context, id firn.ID, progress func(done, total uint64)) (wire.Scavenged, error)

	AddNode(ctx context.Context, id, peer string) error
	RemoveNode(ctx context.Context, id string) error
	PromoteNode(ctx context.Context, id string) error
	Transfer(ctx context.Context, id string) error

	Close() error
}

// backups is what only a node with files has.
type backups interface {
	Backup(ctx context.Context, address string, o client.BackupOptions, take func(from client.Node, bytes uint64, image io.Reader) error) error
}

var _ store = (*client.Client)(nil)

// dialCluster connects to whichever of the nodes answers.
func (c *console) dialCluster(ctx context.Context, addrs string) (store, error) {
	token, err := c.callerToken()
	if err != nil {
		return nil, err
	}
	config, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	db, err := client.Dial(ctx, addrs, client.Options{Name: "firn", Token: token, Timeout: c.timeout, TLS: config})
	if err != nil {
		return nil, err // not db: a nil *client.Client is no nil store
	}
	return db, nil
}

// address is the node that --addr names, where it names only one.
func (c *console) address() string {
	if strings.Contains(c.addr, ",") {
		return ""
	}
	return strings.TrimSpace(c.addr)
}
