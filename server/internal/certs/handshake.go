package certs

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/certificate"
)

// Every handshake asks for the files as they are then, so configurations are
// made anew for each. Sessions are never resumed: a certificate that is no
// longer good would go on being so.

// Clients is the configuration of a port for clients, which speaks a protocol
// (ALPN). One who shows a certificate has to show a good one, a node's or a
// user's; whether one without may do anything is decided elsewhere. One who asks
// for another protocol has come to the wrong port.
func (c *Certificates) Clients(protocol string) *tls.Config {
	return c.listening(tls.VerifyClientCertIfGiven, func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return nil
		}
		_, err := certificate.SubjectOf(state.PeerCertificates[0])
		return err
	}, protocol)
}

// Accept is the configuration for a connection from another node.
func (c *Certificates) Accept() *tls.Config {
	return c.listening(tls.RequireAndVerifyClientCert, func(state tls.ConnectionState) error {
		_, err := c.Node(state)
		return err
	})
}

func (c *Certificates) listening(auth tls.ClientAuthType, verify func(tls.ConnectionState) error, protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			l := c.now.Load()
			return &tls.Config{
				MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true,
				Certificates: []tls.Certificate{l.own}, ClientCAs: l.roots,
				ClientAuth: auth, VerifyConnection: verify, NextProtos: protocols,
			}, nil
		},
	}
}

// Dial is the configuration for a connection to another node. Whoever has the
// certificate of a node is one, at whatever address: nodes know each other by
// id, and may move.
func (c *Certificates) Dial() *tls.Config {
	l := c.now.Load()
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{l.own},
		// Instead of what this leaves out, which is the address's host:
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return firn.Errorf(firn.ErrUnauthenticated, "the other side has no certificate")
			}
			leaf := state.PeerCertificates[0]
			if _, err := verify(leaf, state.PeerCertificates[1:], l.roots, x509.ExtKeyUsageServerAuth, time.Now()); err != nil {
				return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
			}
			_, err := c.Node(state)
			return err
		},
	}
}

// Node returns the id of the node at the other end of a connection. The chain of
// its certificate was verified by the handshake.
func (c *Certificates) Node(state tls.ConnectionState) (string, error) {
	if len(state.PeerCertificates) == 0 {
		return "", firn.Errorf(firn.ErrUnauthenticated, "the other side has no certificate")
	}
	s, err := certificate.SubjectOf(state.PeerCertificates[0])
	if err != nil {
		return "", err
	}
	if s.Kind != certificate.Node {
		return "", firn.Errorf(firn.ErrForbidden, "the certificate is for %s; this is the port for nodes", s)
	}
	return s.Name, nil
}
