package security

import (
	"context"
	"crypto/tls"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/certificate"
)

// Presented is what a client presents at a door to prove who it is.
type Presented struct {
	Token       string // a bearer token; "": none
	Certificate string // the user whom its certificate names; "": none, or a certificate that was not verified
	Node        string // the node whom its certificate names; it may do nothing but add itself to the cluster
}

// CertificateUser returns the user whom a client's certificate names, once it
// was verified against the authority that the node trusts; "" where there is
// none.
func CertificateUser(state *tls.ConnectionState) string {
	return certified(state, certificate.User)
}

// CertificateNode is the same for a node.
func CertificateNode(state *tls.ConnectionState) string {
	return certified(state, certificate.Node)
}

func certified(state *tls.ConnectionState, kind certificate.Kind) string {
	if state == nil || len(state.VerifiedChains) == 0 {
		return ""
	}
	s, err := certificate.SubjectOf(state.VerifiedChains[0][0])
	if err != nil || s.Kind != kind {
		return ""
	}
	return s.Name
}

// ErrNode refuses what a node has no business with as a client.
func ErrNode(node string) *firn.Error {
	return firn.Errorf(firn.ErrForbidden, "the certificate is of node %s, which may add that node to the cluster and do nothing else here; use a user's (firn cert user NAME makes one)", node)
}

// Caller is somebody who calls, as far as a door knows: what was presented, the
// token as its hash.
type Caller struct {
	certificate string
	node        string
	token       Hash
	hasToken    bool
}

// NewCaller returns who presents this.
func NewCaller(p Presented) Caller {
	c := Caller{certificate: p.Certificate, node: p.Node, hasToken: p.Token != ""}
	if c.hasToken {
		c.token = HashToken(p.Token)
	}
	return c
}

// Node returns the node that calls, "" where it is none: it has presented a node's
// certificate.
func (c Caller) Node() string { return c.node }

// Presents reports whether the caller has presented what a user has.
func (c Caller) Presents() bool { return c.hasToken || c.certificate != "" }

type callerKey struct{}

// WithCaller returns a context for calls on behalf of somebody.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns on whose behalf a call is made; ok is false where nobody has
// said it.
func CallerOf(ctx context.Context) (c Caller, ok bool) {
	c, ok = ctx.Value(callerKey{}).(Caller)
	return c, ok
}
