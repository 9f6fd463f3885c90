package server

import (
	"math/rand/v2"
	"time"

	"github.com/firndb/firn/server/wire"
)

// process is a number that tells the process in which a node runs from others:
// several nodes may share one.
var process = rand.Uint64()

// processUse is what a process has used since it was started.
type processUse struct {
	cpu    time.Duration
	memory uint64 // bytes, right now
}

// processFigures are figures about the process, as far as the system tells them.
func processFigures() []wire.Figure {
	figures := []wire.Figure{{Name: "process", Value: process}}
	if use, ok := readProcessUse(); ok {
		figures = append(figures,
			wire.Figure{Name: "process_cpu_us", Value: uint64(use.cpu.Microseconds())},
			wire.Figure{Name: "process_memory_bytes", Value: use.memory})
	}
	return figures
}
