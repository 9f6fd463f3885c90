package servertest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/certificate"
	"github.com/firndb/firn/replication/peer"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// shown is a certificate that a stranger shows, and what is wrong with it.
type shown struct {
	what string
	as   string // the node that it says it is, on the peer port
	cert tls.Certificate
}

const ofNoMember = "of no member"

// signer signs what package certificate never would.
type signer struct {
	t    *testing.T
	cert *x509.Certificate // nil: the certificate itself
	key  any
}

func signerOf(t *testing.T, a *servertest.Authority) *signer {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(certificate.AuthorityFiles(a.Dir))
	if err != nil {
		t.Fatal(err)
	}
	return &signer{t, pair.Leaf, pair.PrivateKey}
}

// sign makes a certificate that is good for an hour, changed by set.
func (s *signer) sign(set func(*x509.Certificate), names ...string) tls.Certificate {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "stranger"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		uri, err := url.Parse(name)
		if err != nil {
			s.t.Fatal(err)
		}
		template.URIs = append(template.URIs, uri)
	}
	set(template)
	parent, signs := s.cert, s.key
	if parent == nil {
		parent, signs = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signs)
	if err != nil {
		s.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// badCertificates are certificates that no port may take from the one who shows
// them. own is the name under which a good one would be taken.
func badCertificates(t *testing.T, a *servertest.Authority, own string) []shown {
	as := func(*x509.Certificate) {}
	ours, theirs := signerOf(t, a), signerOf(t, servertest.NewAuthority(t))
	return []shown{
		{"expired", "n2", ours.sign(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, own)},
		{"not yet valid", "n2", ours.sign(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }, own)},
		{"of another authority", "n2", theirs.sign(as, own)},
		{"signed by itself", "n2", (&signer{t: t}).sign(as, own)},
		{"for other uses", "n2", ours.sign(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning} }, own)},
		{"without a name", "n2", ours.sign(as)},
		{"with two names", "n2", ours.sign(as, own, "firn:user:bob")},
		{"of an unknown kind", "n2", ours.sign(as, "firn:admin:alice")},
		{"with a bad name", "n2", ours.sign(as, "firn:user:../alice%00")},
		{"with its name elsewhere", "n2", ours.sign(func(c *x509.Certificate) {
			c.Subject.CommonName, c.DNSNames = own, []string{"n2", "alice"}
		})},
		{"another member's", "n3", ours.sign(as, "firn:node:n2")},
		{ofNoMember, "n9", ours.sign(as, "firn:node:n9")},
		{"none", "n2", tls.Certificate{}},
	}
}

// port is a port of a node, and how to use it with a certificate: the error says
// why that was refused.
type port struct {
	name string
	good string // the name of a certificate that is taken
	try  func(t *testing.T, s shown) error
}

// stranger shows a certificate to other nodes, and takes whatever they show.
type stranger tls.Certificate

func (s *stranger) Accept() *tls.Config { return nil }
func (s *stranger) Dial() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return (*tls.Certificate)(s), nil
	}}
}
func (s *stranger) Node(tls.ConnectionState) (string, error) { return "n1", nil }

func ports(c *servertest.Cluster, a *servertest.Authority) []port {
	showing := func(t *testing.T, s shown) *tls.Config {
		config := a.User("reference")
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &s.cert, nil }
		return config
	}
	return []port{
		{"client", "firn:user:alice", func(t *testing.T, s shown) error {
			db, err := client.Dial(t.Context(), c.Address(0), client.Options{TLS: showing(t, s), DialTimeout: time.Minute})
			if err != nil {
				return err
			}
			defer db.Close()
			_, _, err = db.Head(t.Context(), firn.Consistency{Local: true})
			if err == nil {
				return nil
			}
			// A node may ask to be taken in, itself and nobody else.
			if err := db.AddNode(t.Context(), s.as+"x", "127.0.0.1:1"); !errors.Is(err, firn.ErrForbidden) {
				t.Errorf("with the certificate %s, another node was added: %v", s.what, err)
			}
			return err
		}},
		{"peer", "firn:node:n2", func(t *testing.T, s shown) error {
			// A node that knows of no leader does not know either who is a member
			// by now. On a busy machine that may happen.
			for range 20 {
				if err := callPeer(t, s, c.Peer(0)); err != nil || s.what != ofNoMember {
					return err
				}
				c.AwaitReady()
			}
			return nil
		}},
		{"HTTP", "firn:user:alice", func(t *testing.T, s shown) error {
			transport := &http.Transport{TLSClientConfig: showing(t, s)}
			defer transport.CloseIdleConnections()
			for _, path := range []string{"/all?local", "/metrics"} {
				answer, err := (&http.Client{Transport: transport}).Get("https://" + c.HTTP(0) + path)
				if err != nil {
					return err
				}
				text, _ := io.ReadAll(answer.Body)
				answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					return errors.New(string(text))
				}
			}
			return nil
		}},
	}
}

// callPeer calls a node's peer port as another node would, on a connection of its
// own.
func callPeer(t *testing.T, s shown, address string) error {
	t.Helper()
	p, err := peer.Listen(peer.Options{
		Addr: "127.0.0.1:0", Node: s.as, Security: (*stranger)(&s.cert), HandshakeMax: time.Minute,
		Identity: func() peer.Identity { return peer.Identity{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	_, err = p.Call(t.Context(), "n1", address, 200, nil)
	if errors.Is(err, firn.ErrUnsupported) { // of which kind the call is, once the caller is let in
		return nil
	}
	return err
}

// secured starts a cluster of n nodes in this process that speaks TLS.
func secured(t *testing.T, n int) (*servertest.Cluster, *servertest.Authority, *servertest.Log) {
	t.Helper()
	a, log := servertest.NewAuthority(t), new(servertest.Log)
	c := servertest.StartWith(t, n, func(_ int, c *server.Config) {
		a.Node(c.ID)
		c.TLS = a.Dir
		c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	return c, a, log
}

// TestBadCertificates shows every bad certificate on every port, and a good one
// before and after. No key and no payload comes into a log.
func TestBadCertificates(t *testing.T) {
	t.Parallel()
	c, a, log := secured(t, 3)
	const payload = "a payload like no other"
	db := servertest.Dial(t, c.Addresses, client.Options{TLS: a.User("alice")})
	if _, err := db.Append(t.Context(), firn.To("order-1", firn.None, firn.Draft{Type: "T", Data: []byte(`"` + payload + `"`)})); err != nil {
		t.Fatal(err)
	}
	for _, p := range ports(c, a) {
		good := shown{"good", "n2", signerOf(t, a).sign(func(*x509.Certificate) {}, p.good)}
		for _, s := range badCertificates(t, a, p.good) {
			t.Run(p.name+" port, certificate "+s.what, func(t *testing.T) {
				if err := p.try(t, s); err == nil {
					t.Error("it was taken")
				} else {
					t.Log(err)
				}
			})
		}
		if err := p.try(t, good); err != nil {
			t.Errorf("%s port: a good certificate is refused: %v", p.name, err)
		}
	}
	refuses(t, log.String(), payload)
	files, err := os.ReadDir(a.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".key") {
			text, err := os.ReadFile(a.Dir + "/" + f.Name())
			if err != nil {
				t.Fatal(err)
			}
			refuses(t, log.String(), strings.Split(string(text), "\n")[1])
		}
	}
}

// refuses fails the test where a log holds what it must not.
func refuses(t *testing.T, log, secret string) {
	t.Helper()
	if at := strings.Index(log, secret); at >= 0 {
		t.Errorf("it is in the log: %.200q", log[max(0, at-100):])
	}
}
