package engine

import (
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// SeedOf returns a random test's seed: a new one each time, unless FIRN_SEED
// says which.
func SeedOf(t *testing.T) uint64 {
	seed := rand.Uint64()
	if text := os.Getenv("FIRN_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("FIRN_SEED=%s: %v", text, err)
		}
	}
	t.Logf("seed %d; to repeat, in this package's directory: FIRN_SEED=%d go test -count=1 -run '^%s$' .", seed, seed, t.Name())
	return seed
}

// DB lets tests plant damage.
func (e *Engine) DB() *pebble.DB { return e.db }

// ForgetStates empties what apply keeps in memory of streams, as if as many
// others had been used since.
func (e *Engine) ForgetStates() {
	e.a.states.young, e.a.states.old, e.a.lastChunk = map[string]*streamState{}, nil, nil
}

// Held returns how many layers followers hold beside the cache.
func (e *Engine) Held() int { return len(e.held) }

// WriteUnchecked is WriteImage of a node that does not look at what it sends.
func WriteUnchecked(fs vfs.FS, dir string, info ImageInfo, w io.Writer) error {
	return WriteImage(fs, dir, info, ImageOptions{unchecked: true}, w)
}
