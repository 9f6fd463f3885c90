package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/certificate"
)

// TestNewClientCertificate: a certificate that was renewed is shown from the next
// connection on. While its files cannot be used, the one from before is.
func TestNewClientCertificate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "certs")
	if _, err := certificate.CreateAuthority(dir, time.Now(), 10); err != nil {
		t.Fatal(err)
	}
	a, err := certificate.OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	alice := certificate.Subject{Kind: certificate.User, Name: "alice"}
	ca, _ := certificate.AuthorityFiles(dir)
	cert, key := certificate.Files(dir, alice)
	files := client.Certificates{Authorities: ca, Cert: cert, Key: key}
	if _, err := files.Config(); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("before there are files: %v", err)
	}
	if _, err := a.Issue(dir, time.Now(), certificate.Request{Subject: alice, Days: 5}); err != nil {
		t.Fatal(err)
	}
	config, err := files.Config()
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		t.Helper()
		shown, err := config.GetClientCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return shown.Leaf.SerialNumber.String()
	}
	first := serial()
	if _, err := a.Issue(dir, time.Now(), certificate.Request{Subject: alice, Days: 5, Renew: true}); err != nil {
		t.Fatal(err)
	}
	second := serial()
	if second == first {
		t.Error("the certificate from before is shown")
	}
	if err := os.WriteFile(key, []byte("half of a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	if serial() != second {
		t.Error("while the key is being written, another certificate is shown")
	}
}
