package certificate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func authority(t *testing.T) (string, *Authority) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "certs")
	if _, err := CreateAuthority(dir, now, AuthorityDays); err != nil {
		t.Fatal(err)
	}
	a, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, a
}

// TestIssue makes a certificate of each kind, and uses them for what they are
// for, and not for more.
func TestIssue(t *testing.T) {
	dir, a := authority(t)
	for _, s := range []Subject{{Node, "n1"}, {User, "alice@example.com"}} {
		r := Request{Subject: s}
		if s.Kind == Node {
			r.Hosts = []string{"db1.example.com", "10.0.0.1", "::1"}
		}
		e, err := a.Issue(dir, now, r)
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != string(s.Kind) || e.Name != s.Name || e.Days != SubjectDays-1 && e.Days != SubjectDays || len(e.Hosts) != len(r.Hosts) || e.Problem != "" {
			t.Errorf("%+v", e)
		}
		pair, err := tls.LoadX509KeyPair(Files(dir, s))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := SubjectOf(pair.Leaf); err != nil || got != s {
			t.Errorf("%v, %v; want %v", got, err, s)
		}
		pool := x509.NewCertPool()
		pool.AddCert(a.cert)
		for usage, taken := range map[x509.ExtKeyUsage]bool{x509.ExtKeyUsageClientAuth: true, x509.ExtKeyUsageServerAuth: s.Kind == Node} {
			_, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}})
			if (err == nil) != taken {
				t.Errorf("%v, for use %d: %v", s, usage, err)
			}
		}
		for _, host := range r.Hosts {
			if err := pair.Leaf.VerifyHostname(host); err != nil {
				t.Error(err)
			}
		}
		_, key := Files(dir, s)
		if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", key, info.Mode(), err)
		}
	}
}

// TestNothingIsOverwritten, unless a certificate is renewed: then it has another
// key, and the hosts from before.
func TestNothingIsOverwritten(t *testing.T) {
	dir, a := authority(t)
	if _, err := CreateAuthority(dir, now, 1); !errors.Is(err, firn.ErrAlreadyExists) {
		t.Errorf("a second authority: %v", err)
	}
	r := Request{Subject: Subject{Node, "n1"}, Hosts: []string{"a", "127.0.0.1"}}
	renewed := r
	renewed.Hosts, renewed.Renew = nil, true
	if _, err := a.Issue(dir, now, renewed); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("the renewal of nothing: %v", err)
	}
	if _, err := a.Issue(dir, now, r); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Issue(dir, now, r); !errors.Is(err, firn.ErrAlreadyExists) || !strings.Contains(err.Error(), "node-n1.key") {
		t.Errorf("the same again: %v", err)
	}
	before, err := tls.LoadX509KeyPair(Files(dir, r.Subject))
	if err != nil {
		t.Fatal(err)
	}
	e, err := a.Issue(dir, now.AddDate(0, 1, 0), renewed)
	if err != nil || !slices.Equal(e.Hosts, []string{"127.0.0.1", "a"}) {
		t.Fatalf("%+v, %v", e, err)
	}
	after, err := tls.LoadX509KeyPair(Files(dir, r.Subject))
	if err != nil || after.Leaf.Equal(before.Leaf) || !after.Leaf.NotAfter.After(before.Leaf.NotAfter) {
		t.Errorf("%v; it is the one from before: %v", err, after.Leaf.Equal(before.Leaf))
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.new")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRefusals(t *testing.T) {
	dir, a := authority(t)
	for words, r := range map[string]Request{
		"has no host":         {Subject: Subject{Node, "n1"}},
		"the name":            {Subject: Subject{Node, "../n1"}, Hosts: []string{"a"}},
		"letters, digits":     {Subject: Subject{Node, "a@b"}, Hosts: []string{"a"}},
		"1 to 64":             {Subject: Subject{User, strings.Repeat("u", 65)}},
		"3651 days":           {Subject: Subject{User, "u"}, Days: AuthorityDays + 1},
		"holds for -1 days":   {Subject: Subject{User, "u"}, Days: -1},
		"cannot be made":      {Subject: Subject{Node, "n1"}, Hosts: []string{"exämple"}},
		"holds for 9999999 d": {Subject: Subject{User, "u"}, Days: 9999999},
	} {
		if _, err := a.Issue(dir, now, r); !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("%+v: %v, want it refused with %q", r, err, words)
		}
	}
	if _, err := OpenAuthority(t.TempDir()); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("no authority: %v", err)
	}
}

// TestList shows everything that there is, and what is wrong with it.
func TestList(t *testing.T) {
	dir, a := authority(t)
	for _, s := range []Subject{{Node, "n1"}, {User, "old"}} {
		if _, err := a.Issue(dir, now, Request{Subject: s, Hosts: []string{"a"}, Days: 10}); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere, b := authority(t)
	if _, err := b.Issue(elsewhere, now, Request{Subject: Subject{User, "stranger"}}); err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{".crt", ".key"} {
		if err := os.Rename(filepath.Join(elsewhere, "user-stranger"+ext), filepath.Join(dir, "user-stranger"+ext)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "user-torn.crt"), []byte("-----BEGIN"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "user-old.key")); err != nil {
		t.Fatal(err)
	}
	entries, err := List(dir, now.AddDate(0, 0, 11))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		problem, _, _ := strings.Cut(e.Problem, ":")
		got = append(got, strings.Join([]string{e.Kind, filepath.Base(e.File), filepath.Base(e.Key), problem}, " "))
		if e.Kind == string(Node) && e.Days != -1 && e.Days != -2 {
			t.Errorf("it has expired a day ago, and has %d days left", e.Days)
		}
	}
	want := []string{
		"ca ca.crt ca.key ", "node node-n1.crt node-n1.key x509", "user user-old.crt . x509",
		"user user-stranger.crt user-stranger.key x509", " user-torn.crt . " + filepath.Join(dir, "user-torn.crt"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}
