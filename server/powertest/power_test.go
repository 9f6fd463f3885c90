package powertest_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/firndb/firn/server/powertest"
)

// TestPowerLoss cuts the power of whole nodes at every sort of moment.
func TestPowerLoss(t *testing.T) {
	seed, n := number(t, "FIRN_SEED", rand.Uint64()>>1), number(t, "FIRN_POWER", 150)
	report, broken := powertest.Run(t.Context(), seed, int(n))
	t.Logf("seed %d: %v", seed, report)
	for _, v := range broken {
		t.Errorf("%v\nto repeat: FIRN_SEED=%d FIRN_POWER=%d go test -count=1 -run '^TestPowerLoss$' ./server/powertest", v, v.Seed, 250)
	}
	if report.Losing == 0 && len(broken) == 0 {
		t.Error("no power was lost with unsynced bytes outstanding")
	}
}

// TestEveryOperation cuts the power before every operation of a small workload.
func TestEveryOperation(t *testing.T) {
	seed := number(t, "FIRN_SEED", rand.Uint64()>>1)
	points, broken := powertest.Every(t.Context(), seed, int(number(t, "FIRN_POWER_STEPS", 4)))
	t.Logf("seed %d: %v", seed, points)
	for _, v := range broken {
		t.Errorf("%v\nto repeat: FIRN_SEED=%d go test -count=1 -run '^TestEveryOperation$' ./server/powertest", v, v.Seed)
	}
}

// TestFaults lets every operation on the disk fail once.
func TestFaults(t *testing.T) {
	seed, parts, stride := number(t, "FIRN_SEED", rand.Uint64()>>1), number(t, "FIRN_PARTS", 0), 1
	if parts == 0 { // not every one of them
		parts, stride = 1, 29
	}
	report, broken := powertest.Faults(t.Context(), seed, int(parts), stride)
	t.Logf("seed %d: %v", seed, report)
	for _, v := range broken {
		t.Errorf("%v\nto repeat: FIRN_SEED=%d FIRN_PARTS=1 go test -count=1 -run '^TestFaults$' ./server/powertest", v, v.Seed)
	}
}

// number returns an environment variable, or what is meant where it is not set.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%s: %v", name, text, err)
	}
	return n
}
