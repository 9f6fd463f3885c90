package server

import (
	"context"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
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
	role := ""
	for _, m := range status.Nodes {
		if m.ID == n.config.ID {
			role = string(m.Role)
		}
	}
	f := web.Figures{
		Head: stats.Head, Events: stats.Events, Streams: stats.Streams, Layers: stats.Layers, DiskUsed: stats.DiskBytes,
		Leader: status.Leader == n.config.ID, Role: role, Term: status.Term, Commit: status.Commit,
	}
	f.Applied, _ = r.engine.Applied()
	f.DiskFree, _ = n.diskFree()
	f.Caches = caches(&stats)
	f.Groups = n.groups()
	if n.secure != nil {
		c := n.secure.Figures()
		f.Certificates = []web.Certificate{{Name: "node", Days: c.Days}, {Name: "authority", Days: c.AuthorityDays}}
		f.CertificatesRefused = c.Refused
	}
	f.Subscriptions = n.service.Subscriptions()
	if n.door != nil {
		f.Connections = n.door.Connections()
		f.CallsRunning = n.door.Calls()
	}
	return f, true
}

// groupsWait bounds how long a scrape waits for groups that are being taken up.
const groupsWait = 100 * time.Millisecond

// groups are the consumer groups, as metrics name them.
func (n *Node) groups() (groups []web.Group) {
	ctx, cancel := context.WithTimeout(n.ctx, groupsWait)
	defer cancel()
	for _, i := range n.service.GroupInfos(ctx) {
		groups = append(groups, web.Group{Name: i.Group.Name, Lag: i.Lag, LagTime: i.LagTime, Parked: i.Parked, InFlight: i.InFlight})
	}
	return groups
}

// caches are the engine's caches, as metrics and statistics name them.
func caches(s *engine.Stats) []web.Cache {
	return []web.Cache{
		{Name: "blocks", Hits: uint64(s.BlockCacheHits), Misses: uint64(s.BlockCacheMisses)},
		{Name: "layers", Hits: s.LayerCacheHits, Misses: s.LayerCacheMisses},
		{Name: "states", Hits: s.StateCacheHits, Misses: s.StateCacheMisses},
	}
}

// diskFree is what replication asks, to stop before the disk is full.
func (n *Node) diskFree() (uint64, error) {
	if n.config.DiskFree != nil {
		return n.config.DiskFree()
	}
	usage, err := n.dir.fs.GetDiskUsage(n.dir.path)
	return usage.AvailBytes, err
}

// Chain returns the index of the newest command that this node has applied, and
// the hash chain there: the same on every node that has applied as much. Zero
// while the node holds no data.
func (n *Node) Chain() (index, hash uint64) {
	r, err := n.current()
	if err != nil {
		return 0, 0
	}
	return r.engine.Chain()
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
