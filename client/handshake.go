package client

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// open dials the address and shakes hands.
func open(ctx context.Context, client *Client, address string) (*conn, error) {
	o := &client.o
	nc, err := o.Dial(ctx, address)
	if err != nil {
		return nil, err
	}
	// A deadline instead of ctx, which reads and writes do not know.
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	c := &conn{
		client: client, address: address, nc: nc,
		calls: make(map[uint64]receiver), done: make(chan struct{}),
	}
	err = c.handshake(ctx)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	c.heard.Store(time.Now().UnixNano())
	go c.read()
	go c.keepAlive()
	return c, nil
}

const readBytes = 64 << 10

func (c *conn) handshake(ctx context.Context) error {
	o := &c.client.o
	if err := c.secure(ctx); err != nil {
		return err
	}
	c.out = wire.NewSender(c.nc)
	c.in = bufio.NewReaderSize(c.nc, readBytes)
	hello := wire.AppendFrame([]byte(wire.Magic), 0, &wire.Hello{
		VersionMin: wire.ProtocolVersion, VersionMax: wire.ProtocolVersion,
		Token: o.Token, Client: o.Name,
	})
	if _, err := c.nc.Write(hello); err != nil {
		return c.hungUp(err)
	}
	h, err := wire.ReadHeader(c.in)
	if limits := wire.DefaultLimits(); err == nil && h.Kind != wire.KindWelcome && h.Kind != wire.KindError {
		err = firn.Errorf(firn.ErrUnsupported, "a %v frame", h.Kind)
	} else if err == nil {
		err = limits.CheckFrame(h)
	}
	var strange *firn.Error
	if errors.As(err, &strange) {
		return firn.Errorf(firn.ErrUnsupported, "it did not answer in Firn's protocol (%v); is this the right port?", err)
	}
	if err != nil {
		return c.hungUp(err)
	}
	body := make([]byte, h.BodyBytes)
	if _, err := io.ReadFull(c.in, body); err != nil {
		return c.hungUp(err)
	}
	m, err := wire.Parse(h.Kind, body)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *wire.Error:
		return m.Err
	case *wire.Welcome:
		if m.Version != wire.ProtocolVersion {
			return firn.Errorf(firn.ErrUnsupported, "the node chose protocol version %d; this client speaks %d", m.Version, wire.ProtocolVersion)
		}
		c.welcome = *m
		return nil
	}
	return firn.Errorf(firn.ErrUnsupported, "the node answered the handshake with %v", h.Kind)
}

// reason says an error of one address in few words.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return op.Err.Error() // without the address, which stands before it
	}
	return err.Error()
}
