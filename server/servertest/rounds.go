package servertest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Seed returns the seed of a test's random choices, and says on failure how to
// run the test with it again. The choices are then the same; how they meet is
// up to the machine.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("FIRN_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("FIRN_SEED=%s: %v", text, err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("run it again: FIRN_SEED=%d go test -run '^%s$' ./server/servertest", seed, t.Name())
		}
	})
	return seed
}

// Long reports whether the tests may take their time: more rounds, larger
// loads.
func Long() bool { return os.Getenv("FIRN_LONG") != "" }

// Rounds is how often a test does a thing: few times, or many where it may
// take its time.
func Rounds(few, many int) int {
	if Long() {
		return many
	}
	return few
}
