package security_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"testing"

	"github.com/firndb/firn/server/internal/security"
)

func TestCertificateUser(t *testing.T) {
	certificate := func(uris ...string) *x509.Certificate {
		c := new(x509.Certificate)
		for _, text := range uris {
			uri, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs = append(c.URIs, uri)
		}
		return c
	}
	ann := certificate("spiffe://shop/ann", "firn:user:ann")
	for _, test := range []struct {
		name  string
		state *tls.ConnectionState
		want  string
	}{
		{"no TLS", nil, ""},
		{"no certificate", &tls.ConnectionState{}, ""},
		{"not verified", &tls.ConnectionState{PeerCertificates: []*x509.Certificate{ann}}, ""},
		{"verified", &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{ann}}}, "ann"},
		{"a node's", &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{certificate("firn:node:n1")}}}, ""},
	} {
		if got := security.CertificateUser(test.state); got != test.want {
			t.Errorf("%s: the user is %q, want %q", test.name, got, test.want)
		}
	}
}

func TestCallerOf(t *testing.T) {
	if _, ok := security.CallerOf(t.Context()); ok {
		t.Error("a context without a caller has one")
	}
	ann := security.NewCaller(security.Presented{Token: "a"})
	if got, ok := security.CallerOf(security.WithCaller(t.Context(), ann)); !ok || got != ann {
		t.Errorf("the caller is %v, %v", got, ok)
	}
	if bob := security.NewCaller(security.Presented{Token: "b"}); bob == ann {
		t.Error("two tokens are one caller")
	}
}
