package storetest_test

import (
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/storetest"
)

func openMemory(*testing.T) firn.Store { return firn.Memory() }

func TestMemory(t *testing.T) { storetest.Run(t, openMemory) }

func TestMemoryAgainstItself(t *testing.T) { storetest.Random(t, openMemory, 1000) }

// The model has nothing to close; what counts is that the test goes on with
// the store that it is given.
func TestMemoryRestarted(t *testing.T) {
	store := firn.Memory()
	open := func(*testing.T) firn.Store { return store }
	restarts := 0
	storetest.Random(t, open, 300, storetest.Restart(20, func(t *testing.T) firn.Store {
		restarts++
		return open(t)
	}))
	if restarts == 0 {
		t.Error("no restart in 300 operations, though one in 20 was asked for")
	}
}

// Few positions, so that repetitions from beyond the window happen.
func TestMemoryWithSmallWindow(t *testing.T) {
	const window = 25
	open := func(*testing.T) firn.Store { return firn.NewMemory(firn.MemoryOptions{Window: window}) }
	storetest.Random(t, open, 1000, storetest.Window(window))
}
