package server

import (
	"crypto/tls"

	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/peer"
	"github.com/firndb/firn/server/internal/certs"
)

// openCertificates reads the node's certificates, where it has any, and takes up
// new ones from then on.
func (n *Node) openCertificates() (err error) {
	if n.config.TLS == "" {
		return nil
	}
	if n.secure, err = certs.Open(n.config.TLS, n.config.ID, n.log); err != nil {
		return err
	}
	n.running.Go(func() { n.secure.Watch(n.ctx) })
	return nil
}

// ReloadCertificates reads the files of Config.TLS anew, for new connections.
// Where they cannot be used, those that were read before stay in use, and the
// error says why. Without TLS there is nothing to do.
func (n *Node) ReloadCertificates() error {
	if n.secure == nil {
		return nil
	}
	return n.secure.Reload()
}

func (n *Node) peerOptions() peer.Options {
	c := &n.config
	o := peer.Options{
		Addr: c.Listen.Peer, Advertise: c.Advertise.Peer, Node: c.ID,
		Identity: n.identity, Expect: n.expect, Member: n.member, Network: n.around.Peers, Logger: n.log,
	}
	if n.secure != nil { // a nil *Certificates would be no nil Security
		o.Security = n.secure
	}
	return o
}

// member reports whether a node may connect whose certificate is good, or which
// does not say which history it follows. A replica that follows a leader knows
// who the members are. One that does not may have missed that there are others by
// now, and could never learn of them if it shut them out: the leader itself may
// be one. Only where it is the one voter itself can it have missed nothing: after
// a recovery without the majority, before it has elected itself.
func (n *Node) member(id string) bool {
	r, err := n.current()
	if err != nil {
		return true
	}
	status := r.raft.Status()
	isMember, otherVoters := false, false
	for _, m := range status.Nodes {
		isMember = isMember || m.ID == id
		otherVoters = otherVoters || m.Role == replication.RoleVoter && m.ID != n.config.ID
	}
	knows := status.Leader != "" || len(status.Nodes) > 0 && !otherVoters
	return isMember || !knows
}

// clientTLS is what a door for clients speaks, nil: plain.
func (n *Node) clientTLS(protocol string) *tls.Config {
	if n.secure == nil {
		return nil
	}
	return n.secure.Clients(protocol)
}
