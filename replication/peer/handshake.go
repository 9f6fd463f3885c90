package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/firndb/firn"
)

// fits says why two nodes must not talk to each other; nil: they may. The words
// are about the other node as seen from this one.
func (p *Port) fits(theirs Identity) *firn.Error {
	ours := p.opts.Identity()
	if differ(ours.Cluster, theirs.Cluster) {
		return firn.Errorf(firn.ErrForbidden, "node %s belongs to cluster %s, not %s; check the addresses", p.opts.Node, ours.Cluster, theirs.Cluster)
	}
	if differ(ours.History, theirs.History) {
		return firn.Errorf(firn.ErrOtherHistory, "node %s follows history %s, not %s: the cluster was restored or recovered meanwhile; add the node that was left behind anew, with an empty directory", p.opts.Node, ours.History, theirs.History)
	}
	return nil
}

// differ compares two ids of which each may not be known yet.
func differ(a, b firn.ID) bool { return !a.IsZero() && !b.IsZero() && a != b }

// greet does the accepting side's half of the handshake on a new connection.
// What it returns is to be used in place of conn.
func (p *Port) greet(conn net.Conn) (net.Conn, hello, error) {
	_ = conn.SetDeadline(time.Now().Add(p.opts.HandshakeMax))
	secured, sender, err := p.secure(conn)
	if err != nil {
		linger(conn)
		return conn, hello{}, err
	}
	conn = secured
	h, err := p.judge(conn, sender)
	var refusal *firn.Error
	if err != nil && !errors.As(err, &refusal) {
		return conn, h, err
	}
	answer := welcome{refusal: refusal, identity: p.opts.Identity(), node: p.opts.Node}
	if _, err := conn.Write(frame(answer.append(nil))); err != nil {
		return conn, h, err
	}
	if refusal != nil {
		linger(conn)
		return conn, h, refusal
	}
	_ = conn.SetDeadline(time.Time{})
	return conn, h, nil
}

// judge reads a hello and decides about it; a refusal is a *firn.Error. sender
// is the node whose certificate was shown, "" without TLS.
func (p *Port) judge(conn net.Conn, sender string) (hello, error) {
	if sender != "" && !p.opts.Member(sender) {
		return hello{from: sender}, firn.Errorf(firn.ErrForbidden, "node %s is no member of the cluster, as node %s knows it", sender, p.opts.Node)
	}
	body, err := readFrame(conn, helloBytesMax)
	if err != nil {
		return hello{}, err
	}
	h, err := parseHello(body)
	if err != nil {
		return hello{}, err
	}
	if sender != "" && h.from != sender {
		return h, firn.Errorf(firn.ErrForbidden, "the certificate is of node %s, and not of node %.80q, whose connection this is said to be", sender, h.from)
	}
	if refusal := p.fits(h.identity); refusal != nil {
		return h, refusal
	}
	// A node that is new has none, and nor has one for a moment that was killed.
	if ours := p.opts.Identity(); !ours.History.IsZero() && h.identity.History.IsZero() && !p.opts.Member(h.from) {
		return h, firn.Errorf(firn.ErrForbidden, "node %s is no member of the cluster, as node %s knows it, and does not say which history it follows", h.from, p.opts.Node)
	}
	if h.to != "" && h.to != p.opts.Node {
		return h, firn.Errorf(firn.ErrInvalid, "this is node %s, not %.80q; check the addresses", p.opts.Node, h.to)
	}
	switch h.purpose {
	case purposeCall:
	case purposeRaft:
		if p.current() == nil {
			return h, firn.Errorf(firn.ErrUnavailable, "the replica of node %s is not running at the moment", p.opts.Node)
		}
	default:
		return h, firn.Errorf(firn.ErrUnsupported, "node %s does not know the connection purpose %d; it may be of an older version", p.opts.Node, h.purpose)
	}
	return h, nil
}

// dial connects to an address and does the calling side's half of the
// handshake. to is the id of the node that should answer, "" for any.
func (p *Port) dial(ctx context.Context, to, addr string, what purpose) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.opts.HandshakeMax)
	defer cancel()
	raw, err := p.opts.Network.Dial(ctx, addr)
	if err != nil {
		return nil, firn.Errorf(firn.ErrUnavailable, "node %s cannot be reached at %s: %v", orAny(to), addr, err)
	}
	// The context bounds what follows, too.
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	conn, err := p.introduce(ctx, raw, to, addr, what)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.Close()
		var refusal *firn.Error
		if errors.As(err, &refusal) {
			return nil, refusal
		}
		return nil, firn.Errorf(firn.ErrUnavailable, "the handshake with node %s at %s failed: %v", orAny(to), addr, err)
	}
	return conn, nil
}

func (p *Port) introduce(ctx context.Context, conn net.Conn, to, addr string, what purpose) (net.Conn, error) {
	conn, answering, err := p.secureDialled(ctx, conn)
	if err != nil {
		return nil, err
	}
	if to != "" && answering != "" && answering != to {
		return nil, firn.Errorf(firn.ErrForbidden, "at %s answers the certificate of node %s, not %s; check the addresses", addr, answering, to)
	}
	h := hello{purpose: what, identity: p.opts.Identity(), from: p.opts.Node, to: to}
	if _, err := conn.Write(frame(h.append(nil))); err != nil {
		return nil, err
	}
	body, err := readFrame(conn, welcomeBytesMax)
	if err != nil {
		return nil, err
	}
	w, err := parseWelcome(body)
	if err != nil {
		return nil, err
	}
	if w.refusal != nil {
		w.refusal.Message = fmt.Sprintf("%s refused: %s", addr, w.refusal.Message)
		return nil, w.refusal
	}
	if refusal := p.fits(w.identity); refusal != nil {
		return nil, refusal
	}
	if answering != "" && w.node != answering {
		return nil, firn.Errorf(firn.ErrForbidden, "at %s answers the certificate of node %s, in the name of node %s", addr, answering, w.node)
	}
	if to != "" && w.node != to {
		return nil, firn.Errorf(firn.ErrInvalid, "at %s answers node %s, not %s; check the addresses", addr, w.node, to)
	}
	return conn, nil
}

func orAny(node string) string {
	if node == "" {
		return "(any)"
	}
	return node
}
