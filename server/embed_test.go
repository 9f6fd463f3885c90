package server

import (
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/storetest"
)

func embed(t *testing.T, dir string) *Embedded {
	t.Helper()
	e, err := Embed(dir, EmbedOptions{CacheBytes: 32 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func TestEmbeddedStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) firn.Store {
		t.Parallel() // each has a store of its own
		return embed(t, t.TempDir())
	})
}

// TestEmbeddedStoreRandom also closes the store and opens it again, at random.
func TestEmbeddedStoreRandom(t *testing.T) {
	dir := t.TempDir()
	var e *Embedded
	storetest.Random(t,
		func(t *testing.T) firn.Store {
			e = embed(t, dir)
			return e
		},
		600,
		storetest.Restart(150, func(t *testing.T) firn.Store {
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			e = embed(t, dir)
			return e
		}))
}
