package tcp

import (
	"crypto/tls"
	"errors"
	"io"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// secure does the TLS handshake, where the door speaks TLS; nil: it does not.
// What is left of Options.HandshakeTimeout is for Firn's own handshake. Where it
// fails, all is said and done when it returns.
func (c *conn) secure() (*tls.ConnectionState, error) {
	o := &c.server.o
	c.nc.SetDeadline(time.Now().Add(o.HandshakeTimeout))
	secured, ok := c.nc.(*tls.Conn)
	if !ok {
		return nil, nil
	}
	err := secured.HandshakeContext(c.ctx)
	if err == nil {
		state := secured.ConnectionState()
		return &state, nil
	}
	raw := secured.NetConn()
	raw.SetDeadline(time.Now().Add(lingerTime))
	var strange tls.RecordHeaderError
	if errors.As(err, &strange) && strange.Conn != nil && string(strange.RecordHeader[:len(wire.Magic)]) == wire.Magic {
		raw.Write(wire.AppendFrame(nil, 0, &wire.Error{Err: errPlain}))
	}
	if !errors.Is(err, io.EOF) && c.ctx.Err() == nil { // one who only looked whether there is a port says nothing
		o.Logger.Warn("a TLS handshake failed", "remote", raw.RemoteAddr(), "error", err)
	}
	linger(raw)
	return nil, err
}

var errPlain = firn.Errorf(firn.ErrInvalid, "this port speaks TLS, and the client does not; give it the authority's certificate (--tls-ca, FIRN_TLS_CA)")

// tlsBegins is how a client begins that speaks TLS: a handshake record, of any
// version.
const tlsBegins = "\x16\x03"

// strangerSaid explains the first bytes of somebody who does not speak Firn.
func strangerSaid(first []byte) *firn.Error {
	if len(first) >= len(tlsBegins) && string(first[:len(tlsBegins)]) == tlsBegins {
		return firn.Errorf(firn.ErrInvalid, "the client speaks TLS, and this port does not; leave --tls-ca out, or start the node with --tls")
	}
	return firn.Errorf(firn.ErrInvalid, "the connection begins with %q, which is not Firn's protocol (%q); is this the right port?", first, wire.Magic)
}
