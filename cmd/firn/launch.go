package main

import (
	"context"

	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/wire"
)

// launcher runs nodes in this process. Tests put one in its place that opens
// no port.
type launcher interface {
	// Start returns once the ports are open and the data is loaded.
	Start(server.Config) (node, error)

	// VerifyDir checks the data directory of a node that does not run.
	VerifyDir(ctx context.Context, dir string, progress func(done, total uint64)) (wire.Report, error)
}

// node is a running *server.Node.
type node interface {
	Ready(context.Context) error // returns once the node answers, or says why not
	Open() bool                  // there are no users, and everybody may do everything
	Failed() <-chan struct{}     // closed when the node cannot go on
	Err() error                  // then: why
	ReloadCertificates() error   // for new connections; those that were read before stay where the new ones are no good
	Close() error
}

type nodeLauncher struct{}

func (nodeLauncher) Start(c server.Config) (node, error) {
	n, err := server.Start(c)
	if err != nil {
		return nil, err // not n: a nil *server.Node is no nil node
	}
	return n, nil
}

func (nodeLauncher) VerifyDir(ctx context.Context, dir string, progress func(done, total uint64)) (wire.Report, error) {
	return server.VerifyDir(ctx, dir, progress)
}
