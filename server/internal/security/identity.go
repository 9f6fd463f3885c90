package security

import (
	"context"
	"crypto/tls"
	"strings"
)

// Presented is what a client presents at a door to prove who it is.
type Presented struct {
	Token       string // a bearer token; "": none
	Certificate string // the user whom its certificate names; "": none, or a certificate that was not verified
}

// userURI begins the URI by which a certificate names a user, among its subject
// alternative names: firn:user:NAME. A node's certificate has none.
const userURI = "firn:user:"

// UserURI is how a certificate names a user.
func UserURI(user string) string { return userURI + user }

// CertificateUser returns the user whom a client's certificate names, once it
// was verified against the authority that the node trusts; "" where there is
// none.
func CertificateUser(state *tls.ConnectionState) string {
	if state == nil || len(state.VerifiedChains) == 0 {
		return ""
	}
	for _, uri := range state.VerifiedChains[0][0].URIs {
		if user, ok := strings.CutPrefix(uri.String(), userURI); ok {
			return user
		}
	}
	return ""
}

// Caller is somebody who calls, as far as a door knows: what was presented, the
// token as its hash.
type Caller struct {
	certificate string
	token       Hash
	hasToken    bool
}

// NewCaller returns who presents this.
func NewCaller(p Presented) Caller {
	c := Caller{certificate: p.Certificate, hasToken: p.Token != ""}
	if c.hasToken {
		c.token = HashToken(p.Token)
	}
	return c
}

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
