package web

import (
	"net/http"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/security"
)

// authenticated returns the request with who makes it in its context: a bearer
// token (RFC 6750), or the user that a client's certificate names.
func (d *Door) authenticated(r *http.Request) (*http.Request, error) {
	presented := security.Presented{Certificate: security.CertificateUser(r.TLS), Node: security.CertificateNode(r.TLS)}
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if presented.Token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || presented.Token == "" {
			return r, firn.Errorf(firn.ErrUnauthenticated, "the header Authorization is not of the form: Bearer TOKEN")
		}
	}
	ctx := security.WithCaller(r.Context(), security.NewCaller(presented))
	return r.WithContext(ctx), d.backend.Authenticate(ctx)
}
