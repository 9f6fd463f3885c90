package client

import (
	"context"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// Stats returns what is in the store of one node: the one at the address, or
// for "" the first that answers.
func (c *Client) Stats(ctx context.Context, address string) (wire.Stats, error) {
	m, err := ask[*wire.Stats](ctx, c, &request{local: true, address: address}, &wire.Plain{Is: wire.KindStats})
	if err != nil {
		return wire.Stats{}, err
	}
	return *m, nil
}

// Status returns who is in the cluster and how each node stands, as the node at
// the address sees it, or for "" the first that answers.
func (c *Client) Status(ctx context.Context, address string) (wire.ClusterStatus, error) {
	m, err := ask[*wire.ClusterStatus](ctx, c, &request{local: true, address: address}, &wire.Plain{Is: wire.KindStatus})
	if err != nil {
		return wire.ClusterStatus{}, err
	}
	return *m, nil
}

// AddNode adds the node with the id and the peer address (host:port) to the
// cluster: as a learner, and as a voter once it has caught up. One that was started
// as a read replica stays without a vote.
func (c *Client) AddNode(ctx context.Context, node, peer string) error {
	_, err := ask[*wire.Plain](ctx, c, &request{changes: true}, &wire.AddNode{Node: node, Peer: peer})
	return err
}

// RemoveNode takes a node out of the cluster.
func (c *Client) RemoveNode(ctx context.Context, node string) error {
	return c.named(ctx, wire.KindRemoveNode, node)
}

// PromoteNode makes a learner or a read replica a voter, at once.
func (c *Client) PromoteNode(ctx context.Context, node string) error {
	return c.named(ctx, wire.KindPromoteNode, node)
}

// Transfer hands the leadership to a node, or to whom the leader chooses for "".
func (c *Client) Transfer(ctx context.Context, node string) error {
	return c.named(ctx, wire.KindTransfer, node)
}

func (c *Client) named(ctx context.Context, k wire.Kind, node string) error {
	_, err := ask[*wire.Plain](ctx, c, &request{changes: true}, &wire.Named{Is: k, Node: node})
	return err
}

// Verify checks the store of the node at the address, or for "" of the first
// that answers. It tells progress (nil: nobody) while it runs. Faults are in the
// report; an error means that the verification itself did not come to its end.
func (c *Client) Verify(ctx context.Context, address string, progress func(done, total uint64)) (wire.Report, error) {
	report, err := long[*wire.Report](ctx, c.newTries(true, address), &wire.Plain{Is: wire.KindVerify}, progress)
	if err != nil {
		return wire.Report{}, err
	}
	return *report, nil
}

// Scavenge makes what is hidden by now (deleted, truncated, expired) gone from
// every point in time, and returns once the leader has removed its bytes; the other
// nodes remove theirs by themselves. It tells progress (nil: nobody) of layers.
// Repeated with the same id it is done once.
func (c *Client) Scavenge(ctx context.Context, id firn.ID, progress func(done, total uint64)) (wire.Scavenged, error) {
	if id.IsZero() {
		id = firn.NewID()
	}
	return scavenge(ctx, c.newTries(false, ""), &wire.Scavenge{ID: id}, progress)
}

// Scavengeable counts what a scavenge now would remove from the node at the
// address, or for "" from the first that answers.
func (c *Client) Scavengeable(ctx context.Context, address string, progress func(done, total uint64)) (wire.Scavenged, error) {
	return scavenge(ctx, c.newTries(true, address), &wire.Scavenge{Dry: true}, progress)
}

func scavenge(ctx context.Context, t tries, m *wire.Scavenge, progress func(done, total uint64)) (wire.Scavenged, error) {
	done, err := long[*wire.Scavenged](ctx, t, m, progress)
	if err != nil {
		return wire.Scavenged{}, err
	}
	return *done, nil
}

// long asks for something that takes long, however many attempts that takes.
func long[M wire.Message](ctx context.Context, t tries, m wire.Message, progress func(done, total uint64)) (M, error) {
	for {
		answer, err := withProgress(ctx, &t, m, progress)
		if err == nil {
			if done, ok := answer.(M); ok {
				return done, nil
			}
			err = unexpected(m.Kind(), answer)
		}
		if !t.again(ctx, err) {
			var none M
			return none, t.failure(ctx, err, &request{})
		}
	}
}

// withProgress asks a node for something long. It returns what is no Progress.
func withProgress(ctx context.Context, t *tries, m wire.Message, progress func(done, total uint64)) (wire.Message, error) {
	f, err := t.begin(ctx, m.Kind(), m.AppendBody(nil))
	if err != nil {
		return nil, err
	}
	defer f.end()
	for {
		got, err := f.in.next(ctx, t.deadline) // not f.next: progress takes no credit
		if err != nil {
			return nil, err
		}
		answer, err := wire.Parse(got.kind, got.body)
		if err != nil {
			return nil, err
		}
		p, ok := answer.(*wire.Progress)
		if !ok {
			return answer, nil
		}
		t.progress()
		if progress != nil {
			progress(p.Done, p.Total)
		}
	}
}

// Node is what a node said of itself when it was connected to.
type Node struct {
	Address string
	ID      string
	Cluster firn.ID
	History firn.ID // a position is meaningful within one history only
	Leader  string  // client address; "": it knew of none
	Release string
}

func nodeOf(address string, c *conn) Node {
	w := &c.welcome
	return Node{Address: address, ID: w.Node, Cluster: w.Cluster, History: w.History, Leader: w.Leader, Release: w.Release}
}

// Connected returns the nodes that the client is connected to now.
func (c *Client) Connected() []Node {
	c.mu.Lock()
	nodes := make([]*node, 0, len(c.nodes))
	for _, n := range c.nodes {
		nodes = append(nodes, n)
	}
	c.mu.Unlock()
	var list []Node
	for _, n := range nodes {
		if conn := n.usable(); conn != nil {
			list = append(list, nodeOf(n.address, conn))
		}
	}
	return list
}
