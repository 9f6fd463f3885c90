package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// Certificates names the PEM files with which a client secures its connections.
// [Certificates.Config] makes [Options].TLS of them:
//
//	config, err := client.Certificates{Authorities: "ca.crt", Cert: "user-alice.crt", Key: "user-alice.key"}.Config()
//	db, err := client.Dial(ctx, addresses, client.Options{TLS: config})
type Certificates struct {
	Authorities string // who signs the nodes' certificates; one or more
	Cert, Key   string // the client's own; "": it shows none
	ServerName  string // what the nodes' certificates are for; "": the host of the address
}

// Config reads the files, and reads Cert and Key again for each connection, so
// that new ones are taken up. While these cannot be used (a certificate and its
// key are not replaced in one step) the ones from before are shown. Its error is
// ErrInvalid and names the file.
func (c Certificates) Config() (*tls.Config, error) {
	if c.Authorities == "" {
		return nil, firn.Errorf(firn.ErrInvalid, "which authority the nodes' certificates are of is not said; give its certificate, ca.crt")
	}
	if (c.Cert == "") != (c.Key == "") {
		return nil, firn.Errorf(firn.ErrInvalid, "a client's certificate and its key belong together; got the certificate %q and the key %q", c.Cert, c.Key)
	}
	text, err := os.ReadFile(c.Authorities)
	if err != nil {
		return nil, firn.Errorf(firn.ErrInvalid, "the authorities' certificates: %v", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: x509.NewCertPool(), ServerName: c.ServerName}
	if !config.RootCAs.AppendCertsFromPEM(text) {
		return nil, firn.Errorf(firn.ErrInvalid, "the authorities' certificates: %s holds none in PEM", c.Authorities)
	}
	if c.Cert == "" {
		return config, nil
	}
	first, err := c.own()
	if err != nil {
		return nil, err
	}
	var good atomic.Pointer[tls.Certificate]
	good.Store(first)
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if now, err := c.own(); err == nil {
			good.Store(now)
		}
		return good.Load(), nil
	}
	return config, nil
}

func (c Certificates) own() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, firn.Errorf(firn.ErrInvalid, "the client's certificate %s and its key %s: %v", c.Cert, c.Key, err)
	}
	return &pair, nil
}

// untrusted is that a node's certificate is no good, which says nothing on other
// nodes.
type untrusted struct{ why *firn.Error }

func (u *untrusted) Error() string { return u.why.Message }
func (u *untrusted) Unwrap() error { return u.why }

// secure does the TLS handshake, where the client speaks TLS.
func (c *conn) secure(ctx context.Context) error {
	config := c.client.o.TLS
	if config == nil {
		return nil
	}
	config = config.Clone()
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{wire.ALPN}
	}
	if config.ServerName == "" && !config.InsecureSkipVerify {
		config.ServerName, _, _ = net.SplitHostPort(c.address) // Dial has checked the form of the user's; a node's own may be anything
	}
	secured := tls.Client(c.nc, config)
	err := secured.HandshakeContext(ctx)
	if err == nil {
		c.nc = secured
		return nil
	}
	var strange tls.RecordHeaderError
	var distrusted *tls.CertificateVerificationError
	var own *firn.Error
	switch {
	case errors.As(err, &strange):
		return firn.Errorf(firn.ErrInvalid, "it does not speak TLS; leave --tls-ca (FIRN_TLS_CA) out, or start the node with --tls")
	case errors.As(err, &distrusted):
		return &untrusted{firn.Errorf(firn.ErrUnauthenticated, "its certificate is not to be trusted: %v", distrusted.Err)}
	case errors.As(err, &own):
		return own
	}
	return c.hungUp(err)
}

// hungUp explains a connection that ended in the handshake. A certificate that
// the node does not take shows only now: with TLS 1.3 it judges it once the
// client has gone on.
func (c *conn) hungUp(err error) error {
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "remote error" && strings.Contains(op.Err.Error(), "application protocol"):
		return firn.Errorf(firn.ErrUnsupported, "it speaks TLS, and not Firn's protocol (%v); is this the right port?", op.Err)
	case errors.As(err, &op) && op.Op == "remote error" && strings.Contains(op.Err.Error(), "certificate"): // an alert of RFC 8446, section 6.2
		return firn.Errorf(firn.ErrUnauthenticated, "the node does not take the client's certificate (%v)", op.Err)
	case c.client.o.TLS == nil && errors.Is(err, io.EOF):
		return fmt.Errorf("it hung up in the handshake: %w; if it speaks TLS, give its authority's certificate (--tls-ca, FIRN_TLS_CA)", err)
	}
	return fmt.Errorf("it hung up in the handshake: %w", err)
}
