package main

import (
	"context"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/bench"
)

// nodesUsage adds up what the nodes of a cluster have used, each process once: it
// may hold several of them.
func nodesUsage(ctx context.Context, db store) (sum bench.Usage, err error) {
	status, err := db.Status(ctx, "")
	if err != nil {
		return sum, err
	}
	seen := map[uint64]bool{}
	for _, n := range status.Nodes {
		stats, err := db.Stats(ctx, n.Address)
		if err != nil {
			return bench.Usage{}, err
		}
		figures := map[string]uint64{}
		for _, f := range stats.Figures {
			figures[f.Name] = f.Value
		}
		sum.Stored += stats.Bytes
		sum.Written += figures["written_bytes"]
		if process := figures["process"]; !seen[process] {
			seen[process] = true
			u, err := processUsage(figures)
			if err != nil {
				return bench.Usage{}, err
			}
			sum.CPU += u.CPU
			sum.Memory += u.Memory
		}
	}
	return sum, nil
}

func processUsage(figures map[string]uint64) (u bench.Usage, err error) {
	cpu, ok := figures["process_cpu_us"]
	if !ok {
		return u, firn.Errorf(firn.ErrUnsupported, "the node does not say what it uses")
	}
	u.CPU = time.Duration(cpu) * time.Microsecond
	u.Memory = figures["process_memory_bytes"]
	return u, nil
}
