package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/firndb/firn"
)

// secure does the accepting side's half of the TLS handshake, where there is
// one, and returns the connection to use from then on, and whose it is.
func (p *Port) secure(conn net.Conn) (net.Conn, string, error) {
	if p.opts.Security == nil {
		return conn, "", nil
	}
	secured := tls.Server(conn, p.opts.Security.Accept())
	err := secured.HandshakeContext(p.ctx)
	var strange tls.RecordHeaderError
	if errors.As(err, &strange) && strange.Conn != nil {
		// Not a byte of it is looked at, but it may be a node that was started
		// without TLS, and can be told.
		refusal := firn.Errorf(firn.ErrUnauthenticated, "node %s speaks TLS with other nodes; start this one with --tls too", p.opts.Node)
		answer := welcome{refusal: refusal, node: p.opts.Node}
		_, _ = conn.Write(frame(answer.append(nil)))
		return nil, "", errors.New("it does not speak TLS")
	}
	if err != nil {
		return nil, "", fmt.Errorf("TLS: %w", err)
	}
	sender, err := p.opts.Security.Node(secured.ConnectionState())
	return secured, sender, err
}

// secureDialled does the dialling side's half.
func (p *Port) secureDialled(ctx context.Context, conn net.Conn) (net.Conn, string, error) {
	if p.opts.Security == nil {
		return conn, "", nil
	}
	secured := tls.Client(conn, p.opts.Security.Dial())
	err := secured.HandshakeContext(ctx)
	var strange tls.RecordHeaderError
	if errors.As(err, &strange) {
		return nil, "", errors.New("it does not speak TLS; start it with --tls too")
	}
	if err != nil {
		return nil, "", fmt.Errorf("TLS: %w", err)
	}
	answering, err := p.opts.Security.Node(secured.ConnectionState())
	return secured, answering, err
}

// lingerTime and lingerBytes bound how long one who was refused is listened to.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 64 << 10
)

// linger reads on for a moment: closing a socket that has unread bytes resets
// it, and the other side would lose the reason.
func linger(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(lingerTime))
	if half, ok := conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, conn, lingerBytes)
	}
}
