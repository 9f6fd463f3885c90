package peer

import (
	"context"
	"net"
	"time"

	"github.com/firndb/firn"
)

// idleConn is a connection for calls, in use or in the pool.
type idleConn struct {
	net.Conn
	node, addr string      // as asked for
	expire     *time.Timer // runs while it is in the pool
}

// connection takes a connection for calls from the pool, or dials one.
func (p *Port) connection(ctx context.Context, node, addr string) (conn *idleConn, pooled bool, err error) {
	if conn := p.unpool(node, addr); conn != nil {
		return conn, true, nil
	}
	if p.ctx.Err() != nil {
		return nil, false, firn.Errorf(firn.ErrUnavailable, "the peer port of node %s is closed", p.opts.Node)
	}
	raw, err := p.dial(ctx, node, addr, purposeCall)
	if err != nil {
		return nil, false, err
	}
	return &idleConn{Conn: raw, node: node, addr: addr}, false, nil
}

func (p *Port) unpool(node, addr string) *idleConn {
	p.mu.Lock()
	defer p.mu.Unlock()
	conns := p.idle[addr]
	for i := len(conns) - 1; i >= 0; i-- {
		if c := conns[i]; c.node == node {
			p.drop(c)
			c.expire.Stop()
			return c
		}
	}
	return nil
}

// pool keeps a connection for the next call.
func (p *Port) pool(c *idleConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle[c.addr]) >= idlePerAddr {
		_ = c.Close()
		return
	}
	p.idle[c.addr] = append(p.idle[c.addr], c)
	c.expire = time.AfterFunc(idlePoolMax, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.drop(c) {
			_ = c.Close()
		}
	})
}

// drop takes a connection out of the pool, and reports whether it was there.
// The caller holds mu.
func (p *Port) drop(c *idleConn) bool {
	conns := p.idle[c.addr]
	for i := range conns {
		if conns[i] != c {
			continue
		}
		if p.idle[c.addr] = append(conns[:i], conns[i+1:]...); len(p.idle[c.addr]) == 0 {
			delete(p.idle, c.addr)
		}
		return true
	}
	return false
}
