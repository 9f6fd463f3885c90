package servertest

import (
	"crypto/tls"
	"path/filepath"
	"testing"
	"time"

	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/certificate"
)

// Authority makes the certificates of a cluster on loopback. One goroutine uses
// it.
type Authority struct {
	Dir string // where they lie, also what --tls takes

	t testing.TB
	a *certificate.Authority
}

// NewAuthority makes an authority in a directory of its own.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{Dir: filepath.Join(t.TempDir(), "certs"), t: t}
	if _, err := certificate.CreateAuthority(a.Dir, time.Now(), certificate.AuthorityDays); err != nil {
		t.Fatal(err)
	}
	var err error
	if a.a, err = certificate.OpenAuthority(a.Dir); err != nil {
		t.Fatal(err)
	}
	return a
}

// Issue makes a certificate as of a moment, in place of one that is there, and
// returns the paths of it and its key.
func (a *Authority) Issue(s certificate.Subject, at time.Time) (cert, key string) {
	a.t.Helper()
	cert, key = certificate.Files(a.Dir, s)
	r := certificate.Request{Subject: s, Renew: true}
	if _, err := certificate.ReadCertificates(cert); err != nil {
		r.Renew = false
	}
	if s.Kind == certificate.Node {
		r.Hosts = []string{"127.0.0.1", "localhost"}
	}
	if _, err := a.a.Issue(a.Dir, at, r); err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// Node makes a node's certificate.
func (a *Authority) Node(id string) {
	a.t.Helper()
	a.Issue(certificate.Subject{Kind: certificate.Node, Name: id}, time.Now())
}

// User makes a user's certificate, and returns what a client of that user
// speaks.
func (a *Authority) User(name string) *tls.Config {
	a.t.Helper()
	cert, key := a.Issue(certificate.Subject{Kind: certificate.User, Name: name}, time.Now())
	authorities, _ := certificate.AuthorityFiles(a.Dir)
	config, err := client.Certificates{Authorities: authorities, Cert: cert, Key: key}.Config()
	if err != nil {
		a.t.Fatal(err)
	}
	return config
}

// tlsFlags makes the certificate of node i where there is none, and returns the
// flags by which the node finds it.
func (p *Processes) tlsFlags(i int) []string {
	if p.secure == nil {
		return nil
	}
	cert, _ := certificate.Files(p.secure.Dir, certificate.Subject{Kind: certificate.Node, Name: id(i)})
	if _, err := certificate.ReadCertificates(cert); err != nil {
		p.secure.Node(id(i))
	}
	return []string{"--tls", p.secure.Dir}
}
