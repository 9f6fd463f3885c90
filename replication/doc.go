// Package replication gives the nodes of a cluster one order of commands: the
// Raft group of hashicorp/raft v1.8.0, held at a distance.
//
// # Opening
//
// What a node stands on is opened before it and closed after it, in this order:
//
//	log, err := raftlog.Open(dir, …)       // Raft's disk
//	machine := …                           // the engine; it swaps a received image in
//	port, err := peer.Listen(…)            // what the nodes talk through
//	node, err := replication.Open(replication.Options{
//		ID: "n1", Log: log, Machine: machine, Port: port,
//		Bootstrap: first,                  // looked at only where the log is empty
//		Self:      replication.Self{Client: "10.0.0.1:7400", …},
//		OnFatal:   func(err error) { … },  // this replica must not go on
//		OnRestart: func(why string) { … }, // close node, machine and log, and open them again
//	})
//	…
//	node.Close(); port.Close(); machine.Close(); log.Close()
//
// OnFatal and OnRestart come on goroutines of their own, so they may close the
// node themselves.
//
// # Writing
//
// [Node.Propose] takes one item of package command, on the leader only. Items
// that come while entries are on their way form the next entry (coalescer.go);
// each gets its own result. An error says whether anything was done, see
// firn.Error's Retry.
//
// # Reading
//
// The machine is read directly, by whoever has it. [Node.ReadIndex], called
// before, makes such a read linearizable, on any node. Without it the read is
// local: it may lag. docs/consistency.md says what each call may see.
//
// # The library's defects
//
// Each open defect of the library is contained here, from outside:
//
//	where                     what would happen otherwise
//	transport.go, heartbeats  a deposed leader writes under its successor's term
//	transport.go, in flight   a follower whose disk failed briefly is cut off for good
//	rules.go, request size    large entries starve heartbeats, and leaders fall
//	reads.go                  a deposed leader serves a stale "linearizable" read
//	watch.go                  a leader whose disk or machine hangs leads for ever;
//	                          one whose transfer was cut short refuses for ever
//	start.go                  a replica with a divergent log never recovers from an
//	                          image; a log and a store that do not fit go unnoticed
//	admission.go              a member that lost its disk votes twice
//	coalescer.go, members.go  somebody waits for ever for a lost future
//	package raftlog           a crash within a vote elects a stale leader
//	package peer              a stalled sender of an image freezes votes
//
// A test shows each defect with the library's own behaviour, and that it is
// gone without (the switches are in rules.go).
//
// # Stopping short
//
// A node takes no part in Raft while its transport's gate is closed: its disk
// is too full (space.go), a majority has not seen its directory yet
// (admission.go), or it failed: the disk hangs, an entry cannot be applied, a
// majority's hash chain is another one (judge.go). Raft keeps running behind
// the gate, and the machine can be read all the time.
//
// # Goroutines
//
// Besides Raft's own: one that sends entries and one for each entry on its way
// (at most two), one for rounds of linearizable reads, one that asks the others
// for their status each second and acts on it, one that follows leadership, one
// that shortens the log, and one that watches that all of it goes on.
package replication
