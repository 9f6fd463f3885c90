package peer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/peer"
)

// certificates makes a TLS configuration for nodes on loopback that trust each
// other, and nobody else.
func certificates(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		RootCAs:      pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

// On real sockets: with TLS only those whom the cluster's certificates vouch for
// get as far as the handshake.
func TestTLS(t *testing.T) {
	ours, theirs := certificates(t), certificates(t)
	on := func(node string, config *tls.Config) *peer.Port {
		p, err := peer.Listen(peer.Options{Addr: "127.0.0.1:0", Node: node, TLS: config, Identity: func() peer.Identity { return peer.Identity{Cluster: clusterA} }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		p.Handle(kindEcho, echo)
		return p
	}
	b := on("b", ours)
	for name, c := range map[string]struct {
		config *tls.Config
		ok     bool
	}{
		"the cluster's certificate":      {ours, true},
		"another cluster's certificate":  {theirs, false},
		"no TLS":                         {nil, false},
		"no certificate of the caller's": {&tls.Config{RootCAs: ours.RootCAs}, false},
	} {
		got, err := on("a", c.config).Call(t.Context(), "b", b.Addr(), kindEcho, []byte("x"))
		if c.ok && (err != nil || string(got) != "a:x") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if !c.ok && !errors.Is(err, firn.ErrUnavailable) && !errors.Is(err, firn.ErrUnsupported) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
	if _, err := peer.Listen(peer.Options{Addr: b.Addr(), Node: "c", Identity: func() peer.Identity { return peer.Identity{} }}); !errors.Is(err, firn.ErrUnavailable) {
		t.Errorf("an address in use: %v", err)
	}
}
