package check_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// seedOf returns a random test's seed: a new one each time, unless FIRN_SEED
// says which.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("FIRN_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("FIRN_SEED=%s: %v", text, err)
		}
	}
	t.Logf("seed %d; to repeat: FIRN_SEED=%d go test -count=1 -run '^%s$' ./internal/check", seed, seed, t.Name())
	return seed
}

// duration returns how long a test that can go on for ever goes on: FIRN_CHECK_FOR
// (2m, 8h), or so long.
func duration(t *testing.T, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv("FIRN_CHECK_FOR")
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("FIRN_CHECK_FOR=%s: %v", text, err)
	}
	return d
}

// dice returns a source of random choices of its own for each user of a seed.
func dice(seed, user uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, user)) }
