package server

import (
	"context"
	"errors"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
)

// joinPause lies between two attempts to join a cluster.
const joinPause = time.Second

// join asks a running cluster to take this node in, until it has, or the node
// is stopped, or the cluster says that it never will.
func (n *Node) join() {
	for n.ctx.Err() == nil {
		err := n.tryJoin()
		if err == nil {
			as := "a learner; a voter once it has caught up"
			if n.dir.replica {
				as = "a read replica"
			}
			n.log.Info("joined the cluster as "+as, "through", n.config.Join)
			return
		}
		var known *firn.Error
		if errors.As(err, &known) && known.Retry() == firn.RetryNo {
			n.fail(err)
			return
		}
		n.log.Warn("could not join the cluster yet", "through", n.config.Join, "error", err)
		select {
		case <-n.ctx.Done():
		case <-time.After(joinPause):
		}
	}
}

func (n *Node) tryJoin() error {
	ctx, cancel := context.WithTimeout(n.ctx, 10*time.Second)
	defer cancel()
	o := client.Options{Token: n.config.JoinToken, Dial: n.around.Clients.Dial}
	if n.secure != nil {
		o.TLS = n.secure.Dial()
	}
	c, err := client.Dial(ctx, n.config.Join, o)
	if err != nil {
		return firn.Errorf(firn.ErrUnavailable, "%v", err)
	}
	defer c.Close()
	if err := n.fitsCluster(ctx, c); err != nil {
		return err
	}
	return c.AddNode(ctx, n.config.ID, n.config.Advertise.Peer)
}

// fitsCluster says why this release cannot be in a cluster, before the node is a
// member of it; nil: it can, or the cluster does not say.
func (n *Node) fitsCluster(ctx context.Context, c *client.Client) error {
	r, err := n.current()
	if err != nil {
		return err
	}
	status, err := c.Status(ctx, "")
	if knows := r.engine.Knows(); err == nil && status.Version > knows {
		return firn.Errorf(firn.ErrUnsupported, "the cluster at %s is at version %d, and this release knows %d; start this node with the release that the others run, or a later one", n.config.Join, status.Version, knows)
	}
	return nil
}

// awaitReady returns once the node answers linearizable calls.
func (n *Node) awaitReady(ctx context.Context) error {
	for {
		err := n.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-n.failed:
			return n.Err()
		case <-ctx.Done():
			return firn.Errorf(firn.ErrUnavailable, "the cluster did not answer in time: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
