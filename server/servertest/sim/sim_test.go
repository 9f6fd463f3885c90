package sim_test

import (
	"testing"
	"time"

	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/server/servertest/sim"
)

// TestSim runs a cluster for a while; what it is and what happens to it, a new
// seed says each time.
func TestSim(t *testing.T) {
	seed := servertest.Seed(t)
	report, err := sim.Run(t, seed, sim.Options{For: 30 * time.Second})
	t.Log(&report)
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
}
