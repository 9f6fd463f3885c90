package server

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/peer"
	"github.com/firndb/firn/server/internal/web"
)

// figures is what the node reads off itself when its metrics are asked for.
func (n *Node) figures() (web.Figures, bool) {
	r, err := n.current()
	if err != nil {
		return web.Figures{}, false
	}
	stats, err := r.engine.Stats()
	if err != nil {
		return web.Figures{}, false
	}
	status := r.raft.Status()
	f := web.Figures{
		Head: stats.Head, Events: stats.Events, Streams: stats.Streams, Layers: stats.Layers, DiskUsed: stats.DiskBytes,
		Leader: status.Leader == n.config.ID, Term: status.Term,
	}
	f.Applied, _ = r.engine.Applied()
	f.Commit = r.raft.Commit()
	f.DiskFree, _ = n.dir.space()
	for _, c := range stats.Caches {
		f.Caches = append(f.Caches, web.Cache(c))
	}
	if n.door != nil {
		f.Connections = n.door.Connections()
		f.CallsRunning = n.door.Calls()
	}
	return f, true
}

// diskFree is what replication asks, to stop before the disk is full.
func (n *Node) diskFree() (uint64, error) {
	usage, err := n.dir.fs.GetDiskUsage(n.dir.path)
	return usage.AvailBytes, err
}

// identity is what the node says in handshakes with other nodes.
func (n *Node) identity() peer.Identity {
	r, err := n.current()
	if err != nil {
		return peer.Identity{}
	}
	cluster, history := r.engine.Identity()
	return peer.Identity{Cluster: firn.ID(cluster), History: firn.ID(history)}
}

// expect says which node should answer at a peer address.
func (n *Node) expect(address string) string {
	r, err := n.current()
	if err != nil {
		return ""
	}
	for _, m := range r.raft.Status().Nodes {
		if m.Peer == address {
			return m.ID
		}
	}
	return ""
}
