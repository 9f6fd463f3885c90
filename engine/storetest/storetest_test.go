package storetest_test

import (
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/storetest"
)

func openMemory(*testing.T) firn.Store { return firn.Memory() }

func TestMemory(t *testing.T) { storetest.Run(t, openMemory) }

func TestMemoryAgainstItself(t *testing.T) { storetest.Random(t, openMemory, 2000) }

// Few positions, so that repetitions from beyond the window happen.
func TestMemoryWithSmallWindow(t *testing.T) {
	const window = 25
	open := func(*testing.T) firn.Store { return firn.NewMemory(firn.MemoryOptions{Window: window}) }
	storetest.Random(t, open, 1000, storetest.Window(window))
}
