package tcp

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/security"
	"github.com/firndb/firn/server/wire"
)

// handshake reads Magic and Hello and answers with Welcome, with secure before it
// within Options.HandshakeTimeout.
func (c *conn) handshake(state *tls.ConnectionState) error {
	o := &c.server.o
	c.in = bufio.NewReaderSize(c.nc, readBytes)
	hello, err := c.hello()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return firn.Errorf(firn.ErrTimeout, "the handshake was not over after %v", o.HandshakeTimeout)
	}
	if err != nil {
		return err
	}
	if hello.VersionMin > wire.ProtocolVersion || hello.VersionMax < wire.ProtocolVersion {
		return firn.Errorf(firn.ErrUnsupported, "this node speaks protocol version %d, the client versions %d to %d", wire.ProtocolVersion, hello.VersionMin, hello.VersionMax)
	}
	presented := security.Presented{Token: hello.Token, Certificate: security.CertificateUser(state), Node: security.CertificateNode(state)}
	c.ctx = security.WithCaller(c.ctx, security.NewCaller(presented))
	if err := c.server.backend.Authenticate(c.ctx); err != nil {
		return err
	}
	c.limits = hello.Limits.Lower(o.Limits)
	if c.limits.FrameBytes < 1024 {
		return firn.Errorf(firn.ErrInvalid, "the client asks for frames of at most %d bytes; ask for 1,024 or more", c.limits.FrameBytes)
	}
	who := c.server.backend.Identity()
	c.answer(0, &wire.Welcome{
		Version: wire.ProtocolVersion, Limits: c.limits,
		Node: who.Node, Cluster: who.Cluster, History: who.History,
		Leader: who.Leader, Features: who.Features, Release: who.Release,
		KeepAlive: o.KeepAlive,
	})
	c.nc.SetDeadline(time.Time{})
	c.heard.Store(time.Now().UnixNano())
	c.ready.Store(true)
	o.Logger.Debug("connected", "remote", c.nc.RemoteAddr(), "client", hello.Client)
	return nil
}

// hello reads what a client sends first.
func (c *conn) hello() (*wire.Hello, error) {
	magic, err := c.in.Peek(len(wire.Magic))
	for i := range magic {
		if magic[i] != wire.Magic[i] {
			return nil, strangerSaid(magic)
		}
	}
	if err != nil {
		return nil, err
	}
	c.in.Discard(len(magic))
	h, err := wire.ReadHeader(c.in)
	if err != nil {
		return nil, err
	}
	if h.Kind != wire.KindHello || h.Call != 0 {
		return nil, firn.Errorf(firn.ErrInvalid, "the first frame is %v on call %d; it must be Hello on call 0", h.Kind, h.Call)
	}
	limits := c.limits
	limits.FrameBytes = wire.HelloBytesMax
	if err := limits.CheckFrame(h); err != nil {
		return nil, err
	}
	body := make([]byte, h.BodyBytes)
	if _, err := io.ReadFull(c.in, body); err != nil {
		return nil, err
	}
	hello := new(wire.Hello)
	return hello, wire.ParseInto(hello, body)
}
