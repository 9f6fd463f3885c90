package certificate

import (
	"crypto/x509"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/firndb/firn"
)

// Kind is what a certificate speaks for.
type Kind string

// The kinds.
const (
	Node Kind = "node"
	User Kind = "user"
)

// Subject is whom a certificate speaks for.
type Subject struct {
	Kind Kind
	Name string // a node's id, or a user's name
}

const scheme = "firn"

// String returns the subject as it stands in its certificate.
func (s Subject) String() string { return s.uri().String() }

func (s Subject) uri() *url.URL {
	return &url.URL{Scheme: scheme, Opaque: string(s.Kind) + ":" + s.Name}
}

var validName = regexp.MustCompile(`^[A-Za-z0-9._@+-]{1,64}$`)

// Check says why nobody can be called so, or nil.
func (s Subject) Check() error {
	if !validName.MatchString(s.Name) || s.Kind == Node && strings.ContainsAny(s.Name, "@+") {
		allowed := "'.', '_' or '-'"
		if s.Kind == User {
			allowed = "'.', '_', '-', '@' or '+'"
		}
		return firn.Errorf(firn.ErrInvalid, "the name %.80q of a %s; give 1 to 64 letters, digits, %s", s.Name, s.Kind, allowed)
	}
	return nil
}

// SubjectOf returns whom a certificate speaks for. It does not say who has
// signed it.
func SubjectOf(c *x509.Certificate) (Subject, error) {
	var found []Subject
	for _, uri := range c.URIs {
		if uri.Scheme == scheme {
			kind, name, _ := strings.Cut(uri.Opaque, ":")
			found = append(found, Subject{Kind(kind), name})
		}
	}
	if len(found) != 1 {
		return Subject{}, firn.Errorf(firn.ErrUnauthenticated, "the certificate %q has %d names of the form firn:node:ID or firn:user:NAME; it needs one (firn cert makes such certificates)", c.Subject.CommonName, len(found))
	}
	s := found[0]
	if s.Kind != Node && s.Kind != User || s.Check() != nil {
		return Subject{}, firn.Errorf(firn.ErrUnauthenticated, "the certificate %q is for %.80q, which is neither a node (firn:node:ID) nor a user (firn:user:NAME)", c.Subject.CommonName, s.String())
	}
	return s, nil
}

// Files returns the paths of a subject's certificate and key.
func Files(dir string, s Subject) (cert, key string) {
	base := filepath.Join(dir, string(s.Kind)+"-"+s.Name)
	return base + ".crt", base + ".key"
}

// AuthorityFiles returns the paths of the trusted authorities and of the key
// that signs.
func AuthorityFiles(dir string) (cert, key string) {
	return filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key")
}
