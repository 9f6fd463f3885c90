package server

import (
	"bytes"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/firndb/firn"
)

// lines is a log that many goroutines write.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestDamageIsLoggedInAWord: damage that a reader comes upon is logged with the
// file and Pebble's message, and not with the stack that its errors carry.
func TestDamageIsLoggedInAWord(t *testing.T) {
	dir := t.TempDir()
	db, err := Embed(dir, EmbedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{})
	for range 8 {
		d := firn.Draft{Type: "T", Data: make([]byte, 64<<10)} // which nothing compresses
		random.Read(d.Data)
		if _, err := db.Append(t.Context(), firn.To("order-1", firn.Any, d)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "engine", "data", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, path := range tables {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	log := new(lines)
	db, err = Embed(dir, EmbedOptions{Logger: slog.New(slog.NewTextHandler(log, nil))})
	opened := err == nil
	if opened {
		for _, err = range db.Read(t.Context(), firn.Query{Stream: "order-1"}) {
		}
		db.Close()
	}
	if !errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), filepath.Dir(tables[0])) || strings.Contains(err.Error(), "carrier") {
		t.Errorf("the damage is reported as: %v", err)
	}
	text := log.String()
	if opened && (!strings.Contains(text, "damage found") || !strings.Contains(text, filepath.Dir(tables[0]))) {
		t.Errorf("the damage is not in the log:\n%s", text)
	}
	if strings.Contains(text, "stack trace") || strings.Contains(text, ".go:") {
		t.Errorf("a stack trace is in the log:\n%s", text)
	}
}
