// Package sim runs whole clusters in virtual time, hurts them, and holds what
// their clients were told against what they were promised.
//
//	report, err := sim.Run(t, seed, sim.Options{})
//	err == nil, or check.Broken(err) says which promises are broken
//
// A run is one testing/synctest bubble. In it are 3 or 5 nodes as package server
// wires them (service, replication over hashicorp/raft, its log and the engine),
// on disks in memory that lose what was not synced when their node crashes, on
// the network of replication/peer/peertest; clients that append, read and change
// streams (workload.go); subscribers; and somebody who does the nodes harm
// (fault.go). When nothing else happens, time jumps, so an hour takes seconds.
//
// # What is true here and elsewhere is not
//
//   - The network is one of streams, as TCP is. So what is lost is a connection: it
//     stands still, or is reset with what was under way. Messages are not lost or
//     repeated one by one; requests are, by clients, with the same ids.
//   - A node that is paused stands still at its disk and at its network. Its timers
//     run, so it may find that its disk hangs; a process that is stopped would not.
//   - A disk is slow in the calls of the Raft log and of apply, not in its files: time
//     stands still for a bubble in which somebody waits for a lock, and Pebble holds
//     locks while it writes.
//   - A seed gives the same faults and the same calls at the same times, as far as those
//     follow from the seed. How goroutines meet is up to the machine. So a run
//     that has found something keeps its trace ([Options.Trace]).
package sim
