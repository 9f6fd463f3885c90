package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/firndb/firn"
)

// How long certificates hold where nothing else is said, in days.
const (
	AuthorityDays = 3650
	SubjectDays   = 365
)

// daysMax is what a certificate may hold at most.
const daysMax = 36500

// early is how long before it was made a certificate holds, for clocks that are
// behind.
const early = time.Hour

// Authority signs certificates.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// CreateAuthority makes an authority and writes its two files into dir, which is
// made where it does not exist.
func CreateAuthority(dir string, now time.Time, days int) (Entry, error) {
	until, err := holdsUntil(now, days)
	if err != nil {
		return Entry{}, err
	}
	key, err := newKey()
	if err != nil {
		return Entry{}, err
	}
	serial := newSerial()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Firn CA " + hex.EncodeToString(serial.Bytes()[:4])}, // two of them in one file are told apart
		NotBefore:    now.Add(-early), NotAfter: until,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:     true, BasicConstraintsValid: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return Entry{}, err
	}
	certPath, keyPath := AuthorityFiles(dir)
	if err := writePair(certPath, keyPath, der, key, false); err != nil {
		return Entry{}, err
	}
	return readEntry(certPath, now)
}

// OpenAuthority reads the authority of a directory.
func OpenAuthority(dir string) (*Authority, error) {
	certPath, keyPath := AuthorityFiles(dir)
	certs, err := ReadCertificates(certPath)
	if errors.Is(err, firn.ErrNotFound) {
		return nil, firn.Errorf(firn.ErrNotFound, "there is no authority yet: %s is missing; firn cert ca makes one", certPath)
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(keyPath)
	if err != nil {
		return nil, firn.Errorf(firn.ErrNotFound, "there is no key to sign with: %v; it is made by firn cert ca, and lies where that was run", err)
	}
	key, err := parseKey(text)
	if err != nil {
		return nil, firn.Errorf(firn.ErrInvalid, "%s: %v", keyPath, err)
	}
	for _, cert := range certs {
		if same, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); ok && same.Equal(key.Public()) {
			return &Authority{cert, key}, nil
		}
	}
	return nil, firn.Errorf(firn.ErrInvalid, "%s is the key of no certificate in %s", keyPath, certPath)
}

// Request is a certificate to be made.
type Request struct {
	Subject Subject
	Hosts   []string // names and IP addresses by which clients reach a node
	Days    int      // how long it holds; 0: SubjectDays
	Renew   bool     // in place of the one that is there, of which it keeps the hosts where it names none
}

// Issue makes a certificate with a new key and writes both into dir. It does not
// overwrite files unless told to renew them.
func (a *Authority) Issue(dir string, now time.Time, r Request) (Entry, error) {
	if err := r.Subject.Check(); err != nil {
		return Entry{}, err
	}
	if r.Days == 0 {
		r.Days = SubjectDays
	}
	until, err := holdsUntil(now, r.Days)
	if err != nil {
		return Entry{}, err
	}
	if until.After(a.cert.NotAfter) {
		return Entry{}, firn.Errorf(firn.ErrInvalid, "%d days are longer than the authority itself holds, which is until %s; give fewer, or make another authority", r.Days, a.cert.NotAfter.UTC().Format(time.DateOnly))
	}
	certPath, keyPath := Files(dir, r.Subject)
	if r.Renew {
		before, err := ReadCertificates(certPath)
		if err != nil {
			return Entry{}, err
		}
		if len(r.Hosts) == 0 {
			r.Hosts = hostsOf(before[0])
		}
	}
	if r.Subject.Kind == Node && len(r.Hosts) == 0 {
		return Entry{}, firn.Errorf(firn.ErrInvalid, "the certificate of node %s has no host; name what clients connect to it by, as in --host db1.example.com --host 10.0.0.1", r.Subject.Name)
	}
	template := &x509.Certificate{
		SerialNumber: newSerial(), Subject: pkix.Name{CommonName: r.Subject.Name, OrganizationalUnit: []string{string(r.Subject.Kind)}, Organization: []string{"Firn"}},
		NotBefore: now.Add(-early), NotAfter: until,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
		URIs: []*url.URL{r.Subject.uri()},
	}
	if r.Subject.Kind == Node {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range r.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	key, err := newKey()
	if err != nil {
		return Entry{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return Entry{}, firn.Errorf(firn.ErrInvalid, "the certificate of %s cannot be made: %v", r.Subject, err)
	}
	if err := writePair(certPath, keyPath, der, key, r.Renew); err != nil {
		return Entry{}, err
	}
	return readEntry(certPath, now)
}

func holdsUntil(now time.Time, days int) (time.Time, error) {
	if days < 1 || days > daysMax {
		return time.Time{}, firn.Errorf(firn.ErrInvalid, "a certificate that holds for %d days; give 1 to %d", days, daysMax)
	}
	return now.AddDate(0, 0, days), nil
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// newSerial returns a number that no other certificate has.
func newSerial() *big.Int {
	var b [16]byte
	rand.Read(b[:])
	b[0] = b[0]&0x7f | 0x40 // positive, and always of 16 bytes
	return new(big.Int).SetBytes(b[:])
}

func parseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, firn.Errorf(firn.ErrInvalid, "it holds no key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, firn.Errorf(firn.ErrInvalid, "a key of type %T cannot sign", key)
	}
	return signer, nil
}

// hostsOf returns what a certificate's bearer may be reached by.
func hostsOf(c *x509.Certificate) []string {
	hosts := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return hosts
}
