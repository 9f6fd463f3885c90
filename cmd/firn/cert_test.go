package main

import (
	"crypto/tls"
	"path/filepath"
	"strings"
	"testing"
)

// TestCert makes what a node and a user need, and shows it.
func TestCert(t *testing.T) {
	c, dir := newCLI(t), filepath.Join(t.TempDir(), "certs")
	at := func(words ...string) []string { return append(append([]string{"cert"}, words...), "--dir", dir) }
	c.fails(exitNotFound, "firn cert ca", at("node", "n1", "--host", "127.0.0.1")...)
	c.ok(at("ca")...)
	c.fails(exitUsage, "has no host", at("node", "n1")...)
	c.fails(exitUsage, `the name "../n1" of a node`, at("node", "../n1", "--host", "a")...)
	c.fails(exitUsage, "--days 0", at("user", "alice", "--days", "0")...)
	if out := c.ok(at("node", "n1", "--host", "db1,127.0.0.1")...); !strings.Contains(out, `"kind":"node","name":"n1"`) || !strings.Contains(out, `"hosts":["127.0.0.1","db1"],"expires":"2027-03-01T12:00:00.000000Z","days":365,"problem":""}`) {
		t.Error(out)
	}
	c.ok(at("user", "alice", "--days", "30")...)
	c.fails(exitConflict, "is there already and is not overwritten", at("user", "alice")...)
	c.ok(at("user", "alice", "--renew", "--days", "31")...)
	out := c.ok(at("show", "-o", "text")...)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[0], "ca\tFirn CA ") || !strings.HasPrefix(lines[1], "node\tn1\t") || !strings.HasPrefix(lines[2], "user\talice\t") || !strings.HasSuffix(lines[2], "\t31") {
		t.Error(out)
	}
	if _, err := tls.LoadX509KeyPair(filepath.Join(dir, "user-alice.crt"), filepath.Join(dir, "user-alice.key")); err != nil {
		t.Error(err)
	}
}

// TestTLSFlags: what belongs together is asked for together.
func TestTLSFlags(t *testing.T) {
	o := &overTCP{t: t, addr: "127.0.0.1:1"}
	o.want(exitUsage, "without --tls-ca", "stats", "--tls-cert", "a", "--tls-key", "b")
	o.want(exitUsage, "belong together", "stats", "--tls-ca", "ca.crt", "--tls-cert", "a")
	o.want(exitUsage, "no such file", "stats", "--tls-ca", filepath.Join(t.TempDir(), "ca.crt"))
}
