package tcp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
)

// TestAdmin makes each call beside firn.Store's.
func TestAdmin(t *testing.T) {
	b := tcptest.New(firn.Memory())
	var asked [][3]string
	b.OnAdmin = func(what, node, peer string) error {
		asked = append(asked, [3]string{what, node, peer})
		return nil
	}
	door := tcptest.Serve(t, b, tcp.Options{})
	db := dial(t, door.Addr().String(), clientOptions())
	ctx := t.Context()
	for range 5 {
		if _, err := db.Append(ctx, firn.To("s", firn.Any, firn.Draft{Type: "T"})); err != nil {
			t.Fatal(err)
		}
	}
	_, last, err := db.Head(ctx, firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	if at, open, err := db.Resolve(ctx, firn.MomentPoint(last.Add(time.Hour)), firn.Consistency{}); at != 5 || !open || err != nil {
		t.Errorf("the moment resolves to %d, open %v (%v), want 5 and open", at, open, err)
	}
	if stats, err := db.Stats(ctx, ""); err != nil || stats.Head != 5 || !stats.HeadTime.Equal(last) || len(stats.Figures) != 1 {
		t.Errorf("stats: %+v (%v)", stats, err)
	}
	want, _ := b.Status(ctx)
	if status, err := db.Status(ctx, door.Addr().String()); err != nil || !reflect.DeepEqual(status, want) {
		t.Errorf("status: %+v (%v), want %+v", status, err, want)
	}
	told := uint64(0)
	if report, err := db.Verify(ctx, "", func(done, total uint64) { told = total }); err != nil || report.Events != 5 || told == 0 {
		t.Errorf("verify: %+v, progress %d (%v)", report, told, err)
	}
	for _, err := range []error{
		db.AddNode(ctx, "n4", "127.0.0.1:7413"), db.PromoteNode(ctx, "n4"), db.Transfer(ctx, ""), db.RemoveNode(ctx, "n4"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if want := [][3]string{{"add", "n4", "127.0.0.1:7413"}, {"promote", "n4", ""}, {"transfer to", "", ""}, {"remove", "n4", ""}}; !reflect.DeepEqual(asked, want) {
		t.Errorf("the node was asked %q, want %q", asked, want)
	}
}

// TestTLS makes calls over TLS, where a client without it and one that does not
// trust the certificate get nowhere.
func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	door := memoryDoor(t, tcp.Options{TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}})

	o := clientOptions()
	o.TLS = &tls.Config{RootCAs: roots}
	db := dial(t, door.Addr().String(), o)
	large := make([]byte, 1<<20)
	if _, err := db.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T", Data: large})); err != nil {
		t.Fatal(err)
	}
	for e, err := range db.Read(t.Context(), firn.Query{Stream: "s"}) {
		if err != nil || len(e.Data) != len(large) {
			t.Fatalf("%d bytes (%v)", len(e.Data), err)
		}
	}
	for _, without := range []*tls.Config{nil, {}} {
		o := clientOptions()
		o.TLS, o.DialTimeout = without, 100*time.Millisecond
		if c, err := dialError(t, door, o); err == nil {
			c.Close()
			t.Errorf("TLS %+v: connected", without)
		}
	}
}
