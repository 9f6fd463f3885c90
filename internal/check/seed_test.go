package check_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

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
