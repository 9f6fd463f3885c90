package servertest_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/certificate"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// serialAt returns the number of the certificate that a port shows now.
func serialAt(t *testing.T, address string, config *tls.Config) *big.Int {
	t.Helper()
	nc, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	return nc.ConnectionState().PeerCertificates[0].SerialNumber
}

// awaitNewSerial returns once a port shows another certificate than before.
func awaitNewSerial(t *testing.T, address string, config *tls.Config, before *big.Int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); serialAt(t, address, config).Cmp(before) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s still shows the certificate from before", address)
		}
	}
}

// TestNewCertificates renews the certificates of a cluster of processes in the
// middle of a load in which the leader is killed. New connections get the new
// certificates, with a signal or without, and those that exist go on. Broken ones
// change nothing, apart from what the node says.
func TestNewCertificates(t *testing.T) {
	t.Parallel()
	a := servertest.NewAuthority(t)
	p := servertest.SpawnSecure(t, 3, a)
	config := a.User("alice")
	db := p.DialWith(client.Options{TLS: config})
	load := servertest.StartLoad(t, 4, db)
	load.Await(50)

	leader := p.Leader(t.Context(), db)
	stays := (leader + 1) % 3
	var dials atomic.Int32
	kept := servertest.Dial(t, p.Address(stays), client.Options{TLS: config, Dial: func(ctx context.Context, address string) (net.Conn, error) {
		dials.Add(1)
		var d net.Dialer
		return d.DialContext(ctx, "tcp", address)
	}})
	before := make([]*big.Int, 3)
	for i := range before {
		before[i] = serialAt(t, p.Address(i), config)
	}
	p.Kill(leader)
	for i := range before {
		a.Node(fmt.Sprintf("n%d", i+1))
	}
	p.Signal((leader+2)%3, syscall.SIGHUP)
	p.Run(leader)
	for i := range before {
		for _, address := range []string{p.Address(i), p.HTTP(i)} {
			if i == leader {
				awaitAccepting(t, address)
			}
			awaitNewSerial(t, address, config, before[i])
		}
	}
	load.Await(50)
	if _, err := kept.Stats(t.Context(), ""); err != nil || dials.Load() != 1 {
		t.Errorf("the connection from before: %v, after %d dials", err, dials.Load())
	}

	cert, key := certificate.Files(a.Dir, certificate.Subject{Kind: certificate.Node, Name: fmt.Sprintf("n%d", stays+1)})
	good, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	current := serialAt(t, p.Address(stays), config)
	if err := os.WriteFile(cert, []byte("-----BEGIN NONSENSE-----"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.AwaitLog(stays, "that the new certificates cannot be used", func(log string) bool {
		return strings.Contains(log, "the new certificates cannot be used")
	})
	if serialAt(t, p.Address(stays), config).Cmp(current) != 0 {
		t.Error("a broken file has changed the certificate")
	}
	wantMetric(t, p.HTTP(stays), config, "firn_certificates_refused 1")
	if err := os.WriteFile(cert, good, 0o644); err != nil {
		t.Fatal(err)
	}
	p.Signal(stays, syscall.SIGHUP)
	wantMetric(t, p.HTTP(stays), config, "firn_certificates_refused 0")
	wantMetric(t, p.HTTP(stays), config, `firn_certificate_days_left{certificate="node"} 364`)
	load.Await(50)
	load.Stop()
	load.Check(servertest.AgreeWith(t, client.Options{TLS: config}, db, p.Nodes()...))

	secret, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for i := range before {
		refuses(t, p.Log(i), strings.Split(string(secret), "\n")[1])
	}
}

// awaitAccepting returns once somebody listens at an address.
func awaitAccepting(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		nc, err := net.Dial("tcp", address)
		if err == nil {
			nc.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// wantMetric returns once a node's metrics have the line.
func wantMetric(t *testing.T, address string, config *tls.Config, line string) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	text := ""
	for deadline := time.Now().Add(time.Minute); !strings.Contains(text, line+"\n"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there is no %s in\n%s", line, text)
		}
		answer, err := (&http.Client{Transport: transport}).Get("https://" + address + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		b := new(strings.Builder)
		answer.Write(b)
		answer.Body.Close()
		text = b.String()
	}
}

// TestJoinSecurely: a node joins through one that does not lead, and answers as
// the others do. Whoever asks a node that does not lead is sent to the leader,
// over both protocols.
func TestJoinSecurely(t *testing.T) {
	t.Parallel()
	a := servertest.NewAuthority(t)
	p := servertest.SpawnSecure(t, 3, a)
	config := a.User("alice")
	db := p.DialWith(client.Options{TLS: config})
	follower := (p.Leader(t.Context(), db) + 1) % 3
	one := servertest.Dial(t, p.Address(follower), client.Options{TLS: config})
	done, err := one.Append(t.Context(), firn.To("order-1", firn.None, firn.Draft{Type: "T", Data: []byte("1")}))
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range one.Read(t.Context(), firn.Query{Stream: "order-1"}) {
		if err != nil || e.Actor != "alice" || e.Position != done.Writes[0].FirstPosition {
			t.Errorf("%+v, %v", e, err)
		}
	}
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Post("https://"+p.HTTP(follower)+"/streams/order-1?type=T", "application/json", strings.NewReader("2"))
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()

	joined := p.Join()
	awaitRole(t, db, "n4", "voter")
	fourth := servertest.Dial(t, p.Address(joined), client.Options{TLS: config})
	if info, err := fourth.Stream(t.Context(), "order-1", firn.Point{}); err != nil || info.Events != 2 {
		t.Errorf("on the node that joined: %+v, %v", info, err)
	}
}

// TestPlainMeetsTLS: one who speaks TLS with a port that does not, or the other
// way round, is told so.
func TestPlainMeetsTLS(t *testing.T) {
	t.Parallel()
	secure, a, _ := secured(t, 1)
	plain := calm(t)
	authorities, _ := certificate.AuthorityFiles(a.Dir)
	cert, key := certificate.Files(a.Dir, certificate.Subject{Kind: certificate.User, Name: "alice"})
	config := a.User("alice")
	withTLS := []string{"--tls-ca", authorities, "--tls-cert", cert, "--tls-key", key}

	servertest.Firn(t, "", append([]string{"stats", "--addr", secure.Address(0)}, withTLS...)...).Want(t, 0, `"events":0`)
	servertest.Firn(t, "", "stats", "--addr", secure.Address(0)).Want(t, 2, "this port speaks TLS, and the client does not", "--tls-ca")
	servertest.Firn(t, "", append([]string{"stats", "--addr", plain.Address(0)}, withTLS...)...).Want(t, 2, "it does not speak TLS")
	servertest.Firn(t, "", "stats", "--addr", secure.Address(0), "--tls-ca", authorities).Want(t, 8, "asks for a client's certificate", "--tls-cert")
	servertest.Firn(t, "", "stats", "--addr", secure.Address(0), "--tls-ca", cert, "--tls-cert", cert, "--tls-key", key).Want(t, 8, "its certificate is not to be trusted", "unknown authority")
	servertest.Firn(t, "", append([]string{"stats", "--addr", secure.Address(0), "--tls-server-name", "elsewhere"}, withTLS...)...).Want(t, 8, "not to be trusted", "elsewhere")
	servertest.Firn(t, "", append([]string{"stats", "--addr", secure.HTTP(0)}, withTLS...)...).Want(t, 1, "is this the right port?")
	servertest.Firn(t, "", "stats", "--addr", secure.HTTP(0)).Want(t, 5, "if it speaks TLS")
	for address, tlsConfig := range map[string]*tls.Config{secure.Peer(0): config, plain.Peer(0): config} {
		if _, err := client.Dial(t.Context(), address, client.Options{TLS: tlsConfig}); err == nil {
			t.Errorf("a client is let in on the peer port %s", address)
		}
	}

	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	if answer, err := (&http.Client{Transport: transport}).Get("https://" + plain.HTTP(0) + "/all"); err == nil {
		t.Errorf("HTTPS to a plain port: %v", answer)
	} else if !strings.Contains(err.Error(), "server gave HTTP response to HTTPS client") {
		t.Error(err)
	}
	answer, text := ask(t, "GET", "http://"+secure.HTTP(0)+"/all", "", "")
	if answer.StatusCode != http.StatusBadRequest || !strings.Contains(text, "HTTP request to an HTTPS server") {
		t.Errorf("HTTP to a port with TLS: %d %s", answer.StatusCode, text)
	}
	open, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: config.RootCAs}}}).Get("https://" + secure.HTTP(0) + "/health/ready")
	if err != nil || open.StatusCode != http.StatusOK {
		t.Errorf("health, without a certificate: %v, %v", open, err)
	} else {
		open.Body.Close()
	}
}

// TestSilentStrangers fills the ports of a node that speaks TLS with connections
// that say nothing, or half of something. They are let go, and others are served
// meanwhile.
func TestSilentStrangers(t *testing.T) {
	t.Parallel()
	c, a, _ := secured(t, 1)
	db := servertest.Dial(t, c.Addresses, client.Options{TLS: a.User("alice")})
	var strangers []net.Conn
	for _, address := range []string{c.Address(0), c.Peer(0), c.HTTP(0)} {
		for i := range 40 {
			nc, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.Write([]byte{0x16, 3, 1, 0x40, 0}[:i%6%5]) // the head of a record of 16 KiB
			strangers = append(strangers, nc)
		}
	}
	append1(t, db, "order-1")
	for _, nc := range strangers {
		nc.SetReadDeadline(time.Now().Add(time.Minute))
		var late net.Error
		for b := make([]byte, 64); ; {
			if _, err := nc.Read(b); errors.As(err, &late) && late.Timeout() {
				t.Fatalf("%s keeps a connection that says nothing", nc.RemoteAddr())
			} else if err != nil {
				break
			}
		}
	}
	append1(t, db, "order-1")
}

// TestConfigOfTLS: a node does not start with certificates that others would
// not take, nor on an address that strangers reach without any.
func TestConfigOfTLS(t *testing.T) {
	t.Parallel()
	a := servertest.NewAuthority(t)
	a.Node("n1")
	for name, c := range map[string]struct {
		config server.Config
		words  string
	}{
		"beyond loopback without TLS": {server.Config{ID: "n1", Listen: server.Addresses{Client: "0.0.0.0:0"}}, "give certificates with --tls"},
		"both":                        {server.Config{ID: "n1", TLS: a.Dir, Insecure: true}, "both TLS and insecure"},
		"no certificate":              {server.Config{ID: "n7", TLS: a.Dir}, "node-n7.crt"},
	} {
		if c.config.Listen.Client == "" {
			c.config.Listen.Client = "127.0.0.1:0"
		}
		c.config.Dir, c.config.Listen.Peer = t.TempDir(), "127.0.0.1:0"
		c.config.Bootstrap = []server.Member{{ID: c.config.ID, Peer: "127.0.0.1:0"}}
		n, err := server.Start(c.config)
		if err == nil {
			n.Close()
		}
		if !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want it refused with %q", name, err, c.words)
		}
	}
}
