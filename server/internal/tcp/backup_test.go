package tcp_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
)

// TestBackup: an image comes as it is sent, however small the client's window,
// and may be left unread.
func TestBackup(t *testing.T) {
	b := tcptest.New(firn.Memory())
	image := make([]byte, 3<<20+17)
	rand.NewChaCha8([32]byte{7}).Read(image)
	b.Image = image
	door := tcptest.Serve(t, b, tcp.Options{})
	for _, window := range []int{64 << 10, 4 << 20} {
		db, err := client.Dial(t.Context(), door.Addr().String(), client.Options{WindowBytes: window})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		err = db.Backup(t.Context(), "", client.BackupOptions{}, func(from client.Node, bytes_ uint64, r io.Reader) error {
			got, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(got, image) || bytes_ != uint64(len(image)) || from.ID != "n1" {
				t.Errorf("window %d: %d bytes of %d came from %+v (%v)", window, len(got), len(image), from, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		unread := errors.New("not wanted")
		err = db.Backup(t.Context(), "", client.BackupOptions{}, func(_ client.Node, _ uint64, r io.Reader) error {
			if _, err := r.Read(make([]byte, 10)); err != nil {
				t.Error(err)
			}
			return unread
		})
		if err != unread {
			t.Errorf("left unread: %v", err)
		}
		if _, _, err := db.Head(t.Context(), firn.Consistency{}); err != nil {
			t.Errorf("the connection, after a backup that was left unread: %v", err)
		}
	}
	b.Image = nil
	db, err := client.Dial(t.Context(), door.Addr().String(), client.Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Backup(t.Context(), "", client.BackupOptions{}, func(client.Node, uint64, io.Reader) error { return nil })
	if !errors.Is(err, firn.ErrUnsupported) {
		t.Errorf("a node without an image: %v", err)
	}
}
