// Package powertest cuts the power of whole nodes: the store, the Raft log, the
// vote, and every other file of the data directory. It is for tests.
//
//	report, broken := powertest.Run(ctx, seed, 20_000)
//	points, broken := powertest.Every(ctx, seed, 4)
//	faults, broken := powertest.Faults(ctx, seed, 1, 1)
//
// A node is a cluster of one, as package server wires it, on a disk in memory
// (Pebble's crashable MemFS). While it works, or starts, the disk is copied
// before an operation that changes it, in the state in which a power loss may
// leave it: none, half or all of what was not synced is kept, by blocks of 4 KiB
// and by names in directories. The node itself goes on, so one life gives many
// power losses.
//
// What its clients asked for and were told is in a journal, and how far it had
// come is kept with each copy. Later a node is started on the copy, and held
// against that:
//
//   - what was acknowledged is there exactly once, where it was said to be, in one
//     piece; positions and revisions have no gap; nothing else is there (package
//     check's Ledger)
//   - it holds at least what the node had applied, and its log is the beginning of
//     the one that the node held in the end, byte for byte of ids, streams and times
//   - the hash chain is what it was at the same index
//   - changes of streams' lives, definitions and snapshots are there as they were
//     acknowledged; the group has passed what was acknowledged, and nothing that
//     was not delivered
//   - every invariant of the store holds (Verify)
//   - what nobody knows is asked for again with the same ids: it is answered as a
//     repetition exactly where it was there
//
// Some of these nodes work on, all of them can lose their power while they start,
// and so on: a node has up to a dozen power losses behind it.
//
// A power loss counts as losing something where bytes had been written and not
// synced, in any file but the log's witness, which is not synced by design.
//
// Faults lets single operations fail instead, of every file and at any time.
package powertest
