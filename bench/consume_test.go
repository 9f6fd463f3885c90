package bench

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server"
)

// A run acknowledges each event once, and leaves no group behind.
func TestGroup(t *testing.T) {
	store, err := server.Embed(t.TempDir(), server.EmbedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	o, err := tiny(t).withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(o, store)
	if err := b.fill(t.Context(), b.written, func(string) {}); err != nil {
		t.Fatal(err)
	}
	m := b.consumeGroup(t.Context(), stretch{duration: time.Minute, clients: 3})
	if want := int64(o.Streams * StreamEvents); m.events != want || m.latencies.TotalCount() != want || m.errors > 0 || m.elapsed >= time.Minute {
		t.Errorf("%d events acknowledged in %v, %d errors (last: %v); want %d, and to end when they are", m.events, m.elapsed, m.errors, m.lastError, want)
	}
	left, err := store.Groups(t.Context())
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (error: %v)", left, err)
	}
}

func TestGroupWithoutGroups(t *testing.T) {
	o := tiny(t)
	o.Workloads = []string{"group"}
	err := Run(t.Context(), firn.Memory(), o, func(Result) error { return nil })
	if !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), "keeps no groups") {
		t.Errorf("got %v, want that the store keeps no groups", err)
	}
}
