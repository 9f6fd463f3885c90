package certificate

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firndb/firn"
)

const (
	dirMode  = 0o700
	certMode = 0o644
	keyMode  = 0o600
)

// writePair writes a certificate and its key. Unless renew is set neither file
// may be there; a file that is replaced is replaced whole.
func writePair(certPath, keyPath string, der []byte, key crypto.Signer, renew bool) error {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(certPath), dirMode); err != nil {
		return err
	}
	for _, path := range []string{keyPath, certPath} {
		if _, err := os.Lstat(path); err == nil && !renew {
			return firn.Errorf(firn.ErrAlreadyExists, "%s is there already and is not overwritten; take it away, or choose another --dir", path)
		}
	}
	// The key first: what has a certificate has its key.
	if err := writeFile(keyPath, "PRIVATE KEY", pkcs8, keyMode, renew); err != nil {
		return err
	}
	return writeFile(certPath, "CERTIFICATE", der, certMode, renew)
}

func writeFile(path, kind string, der []byte, mode fs.FileMode, replace bool) error {
	target := path
	if replace {
		target += ".new"
		os.Remove(target) // what an interrupted renewal has left
	}
	f, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	err = pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if replace {
		return os.Rename(target, path)
	}
	return nil
}

// ReadCertificates reads a file of one or more certificates.
func ReadCertificates(path string) ([]*x509.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, firn.Errorf(firn.ErrNotFound, "there is no certificate: %v", err)
	}
	certs, err := ParseCertificates(text)
	if err != nil {
		return nil, firn.Errorf(firn.ErrInvalid, "%s: %v", path, err)
	}
	return certs, nil
}

// ParseCertificates parses one or more certificates in PEM.
func ParseCertificates(text []byte) (certs []*x509.Certificate, err error) {
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, firn.Errorf(firn.ErrInvalid, "it holds a %s where certificates belong", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, firn.Errorf(firn.ErrInvalid, "it holds no certificate in PEM")
	}
	return certs, nil
}

// Entry is one certificate in a directory.
type Entry struct {
	File    string // path of the certificate
	Key     string // path of its key; "": it is not there
	Kind    string // "ca", "node", "user"
	Name    string
	Hosts   []string
	From    time.Time
	Until   time.Time
	Days    int    // left, rounded down; below 0: it has expired
	Problem string // why it cannot be used; "": nothing is known against it
}

// DaysLeft returns how many days are left, rounded down; it is below 0 from the
// moment at which a certificate has expired.
func DaysLeft(until, now time.Time) int {
	left := until.Sub(now)
	days := int(left / (24 * time.Hour))
	if left < 0 {
		days--
	}
	return days
}

// List returns the certificates of a directory, in order of their files' names.
func List(dir string, now time.Time) ([]Entry, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, firn.Errorf(firn.ErrNotFound, "there is no directory of certificates: %v; firn cert ca makes one", err)
	}
	pool := x509.NewCertPool()
	authorities, _ := AuthorityFiles(dir)
	if certs, err := ReadCertificates(authorities); err == nil {
		for _, cert := range certs {
			pool.AddCert(cert)
		}
	}
	var entries []Entry
	for _, name := range names {
		if !strings.HasSuffix(name.Name(), ".crt") {
			continue
		}
		path := filepath.Join(dir, name.Name())
		certs, err := ReadCertificates(path)
		if err != nil {
			entries = append(entries, Entry{File: path, Problem: err.Error()})
			continue
		}
		if path != authorities {
			certs = certs[:1] // what follows it is on the way to an authority
		}
		for _, cert := range certs {
			e := describe(path, cert, now)
			if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil && e.Problem == "" {
				e.Problem = err.Error()
			}
			entries = append(entries, e)
		}
	}
	return entries, nil
}

func readEntry(path string, now time.Time) (Entry, error) {
	certs, err := ReadCertificates(path)
	if err != nil {
		return Entry{}, err
	}
	return describe(path, certs[0], now), nil
}

func describe(path string, cert *x509.Certificate, now time.Time) Entry {
	e := Entry{
		File: path, Kind: "ca", Name: cert.Subject.CommonName, Hosts: hostsOf(cert),
		From: cert.NotBefore.UTC(), Until: cert.NotAfter.UTC(), Days: DaysLeft(cert.NotAfter, now),
	}
	if !cert.IsCA {
		s, err := SubjectOf(cert)
		if e.Kind, e.Name = string(s.Kind), s.Name; err != nil {
			e.Problem = err.Error()
		}
	}
	if key := strings.TrimSuffix(path, ".crt") + ".key"; exists(key) {
		e.Key = key
	}
	slices.Sort(e.Hosts)
	return e
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
