// Package testenv is what the environment says to tests: their seeds, and how much
// of a thing they do. Without it they are random and short.
package testenv

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Seed returns a random test's seed: a new one each time, unless FIRN_SEED says
// which. It is printed with the command that runs the test with it again: the
// choices are then the same, and how they meet is up to the machine.
func Seed(t testing.TB) uint64 {
	t.Helper()
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

// Count returns how often a test does a thing: as often as a variable says, at
// least once, or otherwise where that is not set.
func Count(t testing.TB, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: give a number above 0", variable, text)
	}
	return n
}
