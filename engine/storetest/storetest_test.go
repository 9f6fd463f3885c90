package storetest_test

import (
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/storetest"
)

func openMemory(*testing.T) firn.Store { return firn.Memory() }

func TestMemory(t *testing.T) { storetest.Run(t, openMemory) }

func TestMemoryAgainstItself(t *testing.T) { storetest.Random(t, openMemory, 2000) }
