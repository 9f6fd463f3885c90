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
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/peer"
)

// authority signs the certificates of a cluster.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, pool: x509.NewCertPool()}
	a.cert, a.key = a.sign(&x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true})
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) sign(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber, template.NotAfter = big.NewInt(1), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// mutual is the certificate of one node, which it is called by.
type mutual struct {
	authority *authority
	own       tls.Certificate
}

func (a *authority) node(name string) *mutual {
	cert, key := a.sign(&x509.Certificate{
		DNSNames:    []string{name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	return &mutual{a, tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}
}

func (m *mutual) Accept() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{m.own}, ClientCAs: m.authority.pool, ClientAuth: tls.RequireAndVerifyClientCert}
}

func (m *mutual) Dial() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{m.own}, InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: m.authority.pool})
			return err
		},
	}
}

func (m *mutual) Node(state tls.ConnectionState) (string, error) {
	return state.PeerCertificates[0].DNSNames[0], nil
}

// TestTLS, on real sockets: a node gets in only with a certificate of the
// cluster, a member's, and under its own name; and it talks only to one of whom
// the same is true. Whoever may not is told why.
func TestTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	listen := func(node string, secure peer.Security) *peer.Port {
		p, err := peer.Listen(peer.Options{
			Addr: "127.0.0.1:0", Node: node, Security: secure,
			Identity: func() peer.Identity { return peer.Identity{Cluster: clusterA} },
			Member:   func(id string) bool { return id != "removed" },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Close() })
		p.Handle(kindEcho, echo)
		return p
	}
	for name, c := range map[string]struct {
		from             string
		dialling, answer peer.Security
		words            string // of the error; "": it is answered
	}{
		"two members":                   {"a", ours.node("a"), ours.node("b"), ""},
		"no TLS on either side":         {"a", nil, nil, ""},
		"another cluster's certificate": {"a", theirs.node("a"), ours.node("b"), "unknown authority"},
		"another cluster's, answering":  {"a", ours.node("a"), theirs.node("b"), "unknown authority"},
		"no TLS":                        {"a", nil, ours.node("b"), "node b speaks TLS with other nodes"},
		"no TLS, answering":             {"a", ours.node("a"), nil, "does not speak TLS"},
		"one that is no member":         {"removed", ours.node("removed"), ours.node("b"), "node removed is no member"},
		"another member's certificate":  {"a", ours.node("c"), ours.node("b"), `the certificate is of node c, and not of node "a"`},
		"another member's, answering":   {"a", ours.node("a"), ours.node("c"), "answers the certificate of node c, not b"},
		"no certificate":                {"a", &mutual{ours, tls.Certificate{}}, ours.node("b"), "certificate"},
	} {
		b := listen("b", c.answer)
		got, err := listen(c.from, c.dialling).Call(t.Context(), "b", b.Addr(), kindEcho, []byte("x"))
		if c.words == "" && (err != nil || string(got) != c.from+":x") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)) {
			t.Errorf("%s: %q, %v; want it refused with %q", name, got, err, c.words)
		}
	}
}

// TestSilence: one who says nothing is let go, with TLS too.
func TestSilence(t *testing.T) {
	t.Parallel()
	p, err := peer.Listen(peer.Options{
		Addr: "127.0.0.1:0", Node: "b", Security: newAuthority(t).node("b"), HandshakeMax: 50 * time.Millisecond,
		Identity: func() peer.Identity { return peer.Identity{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	nc, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetReadDeadline(time.Now().Add(time.Minute))
	var late net.Error
	if n, err := nc.Read(make([]byte, 1)); errors.As(err, &late) && late.Timeout() {
		t.Errorf("it is still connected: %d, %v", n, err)
	}
}

func TestAddressInUse(t *testing.T) {
	options := peer.Options{Addr: "127.0.0.1:0", Node: "c", Identity: func() peer.Identity { return peer.Identity{} }}
	p, err := peer.Listen(options)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	options.Addr = p.Addr()
	if _, err := peer.Listen(options); !errors.Is(err, firn.ErrUnavailable) {
		t.Errorf("an address in use: %v", err)
	}
}
