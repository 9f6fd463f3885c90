package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/certificate"
)

// Certificates are one node's certificate, its key, and the authorities that the
// node trusts. All methods may be called from many goroutines at once.
type Certificates struct {
	// Set by Open, then read only.
	dir  string
	node string
	log  *slog.Logger

	now atomic.Pointer[loaded] // what new connections use

	// Guarded by mu.
	mu      sync.Mutex
	refused []byte    // the files that could not be used, as they were read; nil: those in use are the newest
	said    []byte    // those of which the log has said so
	warned  time.Time // when the log last said that a certificate will expire
}

// loaded is what the files held when they last made sense.
type loaded struct {
	text  []byte // of all files
	own   tls.Certificate
	roots *x509.CertPool
	until time.Time // of the certificate
	rootU time.Time // of the authority that has signed it
}

// Open reads the files of a node from a directory. What is wrong with them is an
// error, which says what to do.
func Open(dir, node string, log *slog.Logger) (*Certificates, error) {
	c := &Certificates{dir: dir, node: node, log: log}
	text, err := c.read()
	if err != nil {
		return nil, err
	}
	l, err := c.parse(text, time.Now())
	if err != nil {
		return nil, err
	}
	c.now.Store(l)
	c.warn(time.Now())
	return c, nil
}

// fileBytesMax bounds what is read of one file.
const fileBytesMax = 1 << 20

// files is the node's three files.
type files struct{ authorities, cert, key []byte }

func (f *files) joined() []byte { return bytes.Join([][]byte{f.authorities, f.cert, f.key}, []byte{0}) }

func (c *Certificates) read() (*files, error) {
	var f files
	authorities, _ := certificate.AuthorityFiles(c.dir)
	cert, key := certificate.Files(c.dir, c.subject())
	for _, file := range []struct {
		path string
		text *[]byte
	}{{authorities, &f.authorities}, {cert, &f.cert}, {key, &f.key}} {
		info, err := os.Stat(file.path)
		if err == nil && info.Size() > fileBytesMax {
			err = fmt.Errorf("%s has %d bytes", file.path, info.Size())
		}
		if err == nil {
			*file.text, err = os.ReadFile(file.path)
		}
		if err != nil {
			return nil, firn.Errorf(firn.ErrInvalid, "node %s has no certificate: %v; it needs ca.crt, node-%s.crt and node-%s.key (firn cert node makes them)", c.node, err, c.node, c.node)
		}
		if file.path == key && info.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows" {
			return nil, firn.Errorf(firn.ErrInvalid, "the key %s can be read by everybody on this machine (mode %04o); say chmod 600 %s", key, info.Mode().Perm(), key)
		}
	}
	return &f, nil
}

func (c *Certificates) subject() certificate.Subject {
	return certificate.Subject{Kind: certificate.Node, Name: c.node}
}

// parse makes sure that the files belong together and that others will take the
// certificate.
func (c *Certificates) parse(f *files, now time.Time) (*loaded, error) {
	wrong := func(format string, args ...any) error {
		return firn.Errorf(firn.ErrInvalid, "the certificate of node %s in %s cannot be used: %s", c.node, c.dir, fmt.Sprintf(format, args...))
	}
	authorities, err := certificate.ParseCertificates(f.authorities)
	if err != nil {
		return nil, wrong("ca.crt: %v", err)
	}
	own, err := tls.X509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, wrong("%v", err)
	}
	l := &loaded{text: f.joined(), own: own, roots: x509.NewCertPool(), until: own.Leaf.NotAfter}
	for _, a := range authorities {
		l.roots.AddCert(a)
	}
	subject, err := certificate.SubjectOf(own.Leaf)
	if err != nil {
		return nil, wrong("%v", err)
	}
	if subject != c.subject() {
		return nil, wrong("it is for %s", subject)
	}
	if now.After(own.Leaf.NotAfter) {
		return nil, wrong("it has expired at %s; firn cert node %s --renew makes a new one", own.Leaf.NotAfter.UTC().Format(time.RFC3339), c.node)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		chains, err := verify(own.Leaf, intermediates(&own), l.roots, usage, now)
		if err != nil {
			return nil, wrong("%v", err)
		}
		l.rootU = chains[0][len(chains[0])-1].NotAfter
	}
	return l, nil
}

// intermediates are the certificates between one and its authority.
func intermediates(c *tls.Certificate) (between []*x509.Certificate) {
	for _, der := range c.Certificate[1:] {
		if cert, err := x509.ParseCertificate(der); err == nil {
			between = append(between, cert)
		}
	}
	return between
}

func verify(cert *x509.Certificate, between []*x509.Certificate, roots *x509.CertPool, usage x509.ExtKeyUsage, now time.Time) ([][]*x509.Certificate, error) {
	pool := x509.NewCertPool()
	for _, b := range between {
		pool.AddCert(b)
	}
	return cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
}

// Reload reads the files anew. Where they cannot be used, what was read before
// stays in use and the error says why.
func (c *Certificates) Reload() error { return c.reload(true) }

// reload says in the log what has come of new files, and of broken ones once; not
// at once, unless told, since a certificate and its key are not written in one
// step.
func (c *Certificates) reload(atOnce bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.read()
	var text []byte
	if err == nil {
		if text = f.joined(); bytes.Equal(text, c.now.Load().text) {
			c.refused = nil
			return nil
		}
		var l *loaded
		if l, err = c.parse(f, time.Now()); err == nil {
			c.now.Store(l)
			c.refused, c.warned = nil, time.Time{}
			c.log.Info("new certificates are in use for new connections", "dir", c.dir, "expires", l.until)
			return nil
		}
	} else {
		text = []byte(err.Error())
	}
	seen := bytes.Equal(text, c.refused)
	c.refused = text
	if atOnce || seen && !bytes.Equal(text, c.said) {
		c.said = text
		c.log.Error("the new certificates cannot be used; the node goes on with those that it has", "error", err)
	}
	return err
}

// watchEvery is how often the files are looked at.
const watchEvery = 2 * time.Second

// Watch takes up files that have changed, and says in the log when one of them
// will expire, until ctx ends.
func (c *Certificates) Watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			c.reload(false) // which says itself what is wrong
			c.warn(now)
		case <-ctx.Done():
			return
		}
	}
}

// When the log begins to say that a certificate will expire, and how often.
const (
	warnDays  = 30
	warnEvery = 24 * time.Hour
)

func (c *Certificates) warn(now time.Time) {
	l := c.now.Load()
	until := l.until
	if l.rootU.Before(until) {
		until = l.rootU
	}
	days := certificate.DaysLeft(until, now)
	c.mu.Lock()
	due := days < warnDays && now.Sub(c.warned) >= warnEvery
	if due {
		c.warned = now
	}
	c.mu.Unlock()
	switch {
	case due && days < 0:
		c.log.Error("the certificate of this node has expired: nobody can connect any more", "expired", until, "dir", c.dir)
	case due:
		c.log.Warn("the certificate of this node will expire", "days", days, "expires", until, "dir", c.dir)
	}
}

// Figures is how the certificates stand.
type Figures struct {
	Days          int  // until the node's expires, rounded down; below 0: it has
	AuthorityDays int  // until the authority's expires that has signed it
	Refused       bool // the files have changed, and cannot be used
}

// Figures returns how the certificates stand.
func (c *Certificates) Figures() Figures {
	c.mu.Lock()
	refused := c.refused != nil
	c.mu.Unlock()
	l, now := c.now.Load(), time.Now()
	return Figures{certificate.DaysLeft(l.until, now), certificate.DaysLeft(l.rootU, now), refused}
}
