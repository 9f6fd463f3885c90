package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
)

// Client is a connection to a cluster. It implements [firn.Store].
type Client struct {
	// Set by Dial, then read only.
	o         Options
	addresses []string
	ctx       context.Context // ends at Close
	cancel    context.CancelFunc

	leader atomic.Pointer[string] // the address that was last said to be the leader's; nil: unknown
	turn   atomic.Uint32          // which address is asked first while the leader is unknown

	followed atomic.Uint32 // subscriptions begun, which go to the nodes in turn

	mu    sync.Mutex
	nodes map[string]*node // by address; also those that only nodes have named
}

var _ firn.Store = (*Client)(nil)

// Dial connects to a cluster, given the addresses (host:port, separated by
// commas) of some or all of its nodes. It returns once one of them has answered
// the handshake. Otherwise the error is ErrUnavailable, or where all nodes gave
// the same reason that one's kind, and says what each address answered.
func Dial(ctx context.Context, addresses string, o Options) (*Client, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	list, err := parseAddresses(addresses)
	if err != nil {
		return nil, err
	}
	c := &Client{o: o, addresses: list, nodes: make(map[string]*node)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if err := c.reachOne(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func parseAddresses(s string) ([]string, error) {
	var list []string
	for part := range strings.SplitSeq(s, ",") {
		address := strings.TrimSpace(part)
		if address == "" {
			continue
		}
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return nil, firn.Errorf(firn.ErrInvalid, "the address %.80q is not of the form host:port", address)
		}
		list = append(list, address)
	}
	if len(list) == 0 {
		return nil, firn.Errorf(firn.ErrInvalid, "no address is given; give host:port of one or more nodes, separated by commas")
	}
	return list, nil
}

// stagger is how long an address is given before the next one is tried beside
// it.
const stagger = 200 * time.Millisecond

// reachOne connects to the addresses in their order, each a little after the
// one before, until one answers.
func (c *Client) reachOne(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		at  int
		err error
	}
	outcomes := make(chan outcome, len(c.addresses))
	reasons := make([]error, len(c.addresses))
	started, ended := 0, 0
	start := func() {
		at := started
		started++
		go func() {
			_, err := c.node(c.addresses[at]).connect(ctx)
			outcomes <- outcome{at, err}
		}()
	}
	start()
	next := time.NewTicker(stagger)
	defer next.Stop()
	for ended < len(c.addresses) {
		select {
		case o := <-outcomes:
			if o.err == nil {
				return nil
			}
			reasons[o.at] = o.err
			ended++
			if started < len(c.addresses) {
				start()
			}
		case <-next.C:
			if started < len(c.addresses) {
				start()
			}
		case <-ctx.Done():
			for i := range reasons {
				if reasons[i] == nil {
					reasons[i] = fmt.Errorf("no answer: %w", ctx.Err())
				}
			}
			return noneAnswered(c.addresses, reasons)
		}
	}
	return noneAnswered(c.addresses, reasons)
}

// noneAnswered joins the reasons of all addresses.
func noneAnswered(addresses []string, reasons []error) error {
	kind, parts := firn.Kind(0), make([]string, len(reasons))
	for i, err := range reasons {
		parts[i] = fmt.Sprintf("%s: %v", addresses[i], reason(err))
		var e *firn.Error
		if !errors.As(err, &e) {
			e = &firn.Error{Kind: firn.ErrUnavailable}
		}
		if kind == 0 {
			kind = e.Kind
		}
		if e.Kind != kind {
			kind = firn.ErrUnavailable
		}
	}
	return firn.Errorf(kind, "no node could be reached: %s", strings.Join(parts, "; "))
}

// Close closes all connections. Calls in flight fail.
func (c *Client) Close() error {
	c.cancel()
	c.mu.Lock()
	nodes := c.nodes
	c.nodes = make(map[string]*node)
	c.mu.Unlock()
	for _, n := range nodes {
		n.close()
	}
	return nil
}

func (c *Client) node(address string) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodeLocked(address)
}

func (c *Client) nodeLocked(address string) *node {
	n := c.nodes[address]
	if n == nil {
		n = &node{client: c, address: address}
		c.nodes[address] = n
	}
	return n
}

// others returns all addresses that are known but this one.
func (c *Client) others(address string) (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.addresses {
		c.nodeLocked(known)
	}
	for known := range c.nodes {
		if known != address {
			all = append(all, known)
		}
	}
	return all
}

func (c *Client) leaderIs(address string) {
	if known := c.leader.Load(); address != "" && (known == nil || *known != address) {
		c.leader.Store(&address)
	}
}

// leaderIsNot forgets the leader where it was the address.
func (c *Client) leaderIsNot(address string) {
	if known := c.leader.Load(); known != nil && *known == address {
		if c.leader.CompareAndSwap(known, nil) {
			c.turn.Add(1)
		}
	}
}
