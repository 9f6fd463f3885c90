package certs

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn/internal/certificate"
)

var n1 = certificate.Subject{Kind: certificate.Node, Name: "n1"}

func authority(t *testing.T) (string, *certificate.Authority) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "certs")
	if _, err := certificate.CreateAuthority(dir, time.Now(), certificate.AuthorityDays); err != nil {
		t.Fatal(err)
	}
	a, err := certificate.OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, a
}

func issue(t *testing.T, dir string, a *certificate.Authority, s certificate.Subject, at time.Time, days int) {
	t.Helper()
	cert, _ := certificate.Files(dir, s)
	_, err := os.Stat(cert)
	if _, err = a.Issue(dir, at, certificate.Request{Subject: s, Hosts: []string{"127.0.0.1"}, Days: days, Renew: err == nil}); err != nil {
		t.Fatal(err)
	}
}

// TestWrongFiles: a node does not start with files that others would not take.
func TestWrongFiles(t *testing.T) {
	for words, spoil := range map[string]func(t *testing.T, dir string, a *certificate.Authority){
		"it has expired": func(t *testing.T, dir string, a *certificate.Authority) {
			issue(t, dir, a, n1, time.Now().AddDate(0, 0, -3), 2)
		},
		"not yet valid": func(t *testing.T, dir string, a *certificate.Authority) {
			issue(t, dir, a, n1, time.Now().AddDate(0, 0, 2), 2)
		},
		"unknown authority": func(t *testing.T, dir string, a *certificate.Authority) {
			other, b := authority(t)
			issue(t, other, b, n1, time.Now(), 2)
			move(t, other, dir, "node-n1.crt", "node-n1.crt")
			move(t, other, dir, "node-n1.key", "node-n1.key")
		},
		"it is for firn:node:n2": func(t *testing.T, dir string, a *certificate.Authority) {
			issue(t, dir, a, certificate.Subject{Kind: certificate.Node, Name: "n2"}, time.Now(), 2)
			move(t, dir, dir, "node-n2.crt", "node-n1.crt")
			move(t, dir, dir, "node-n2.key", "node-n1.key")
		},
		"it is for firn:user:n1": func(t *testing.T, dir string, a *certificate.Authority) {
			issue(t, dir, a, certificate.Subject{Kind: certificate.User, Name: "n1"}, time.Now(), 2)
			move(t, dir, dir, "user-n1.crt", "node-n1.crt")
			move(t, dir, dir, "user-n1.key", "node-n1.key")
		},
		"private key does not match": func(t *testing.T, dir string, a *certificate.Authority) {
			issue(t, dir, a, certificate.Subject{Kind: certificate.Node, Name: "n2"}, time.Now(), 2)
			move(t, dir, dir, "node-n2.key", "node-n1.key")
		},
		"chmod 600": func(t *testing.T, dir string, _ *certificate.Authority) {
			if err := os.Chmod(filepath.Join(dir, "node-n1.key"), 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"node-n1.key: no such file": func(t *testing.T, dir string, _ *certificate.Authority) {
			os.Remove(filepath.Join(dir, "node-n1.key"))
		},
		"holds no certificate": func(t *testing.T, dir string, _ *certificate.Authority) {
			os.WriteFile(filepath.Join(dir, "ca.crt"), nil, 0o600)
		},
	} {
		dir, a := authority(t)
		issue(t, dir, a, n1, time.Now(), 2)
		spoil(t, dir, a)
		if _, err := Open(dir, "n1", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want it refused with %q", err, words)
		}
	}
}

func move(t *testing.T, from, to, name, as string) {
	t.Helper()
	if err := os.Rename(filepath.Join(from, name), filepath.Join(to, as)); err != nil {
		t.Fatal(err)
	}
}

// TestReload takes up new files and goes on with the old ones where the new ones
// are no good, which it says once. A certificate and a key that do not fit each
// other may be on their way.
func TestReload(t *testing.T) {
	dir, a := authority(t)
	issue(t, dir, a, n1, time.Now(), 100)
	var log bytes.Buffer
	c, err := Open(dir, "n1", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	said := func(times int, words string) {
		t.Helper()
		if n := strings.Count(log.String(), words); n != times {
			t.Errorf("%q was said %d times, want %d\n%s", words, n, times, &log)
		}
	}
	first := c.now.Load()
	if err := c.Reload(); err != nil || c.now.Load() != first || log.Len() > 0 {
		t.Errorf("nothing has changed: %v\n%s", err, &log)
	}

	issue(t, dir, a, n1, time.Now(), 200)
	c.reload(false)
	said(1, "new certificates are in use")
	second := c.now.Load()
	if second == first || c.Figures().Days < 198 {
		t.Errorf("the old certificate is in use: %+v", c.Figures())
	}

	key := filepath.Join(dir, "node-n1.key")
	good, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	c.reload(false)
	said(0, "cannot be used")
	for range 3 {
		c.reload(false)
	}
	said(1, "the new certificates cannot be used")
	if !c.Figures().Refused || c.now.Load() != second {
		t.Error("a key of another certificate was taken up")
	}
	if err := c.Reload(); err == nil {
		t.Error("a key of another certificate was taken up")
	}
	said(2, "the new certificates cannot be used") // since somebody has asked
	if err := os.WriteFile(key, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Reload(); err != nil || c.Figures().Refused || c.now.Load() != second {
		t.Errorf("what was there before: %v", err)
	}
	os.Remove(key)
	c.reload(false)
	c.reload(false)
	said(3, "the new certificates cannot be used")
	for _, text := range [][]byte{good, ca} {
		if secret := strings.Split(string(text), "\n")[1]; strings.Contains(log.String(), secret) {
			t.Errorf("a key is in the log:\n%s", &log)
		}
	}
}

// TestExpiryIsSaid once a day, from a month before.
func TestExpiryIsSaid(t *testing.T) {
	dir, a := authority(t)
	issue(t, dir, a, n1, time.Now(), 40)
	var log bytes.Buffer
	c, err := Open(dir, "n1", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for hours := 0; hours < 24*42; hours++ {
		c.warn(time.Now().Add(time.Duration(hours) * time.Hour))
	}
	if will, has := strings.Count(log.String(), "will expire"), strings.Count(log.String(), "has expired"); will < 29 || will > 31 || has < 1 || has > 3 {
		t.Errorf("it is said %d times that it will expire, and %d times that it has\n%s", will, has, &log)
	}
}
