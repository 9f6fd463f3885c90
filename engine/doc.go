// Package engine is the log on Pebble: it applies the commands of the Raft log
// to an ordered store of events, and reads them as of any point in time.
//
// # What the caller must do
//
//	e, err := engine.Open(dir, engine.Options{OnFatal: stop})
//	for entries := range log {                // in order, from Applied() on
//		results, err := e.Apply(entries)      // one goroutine; an error is fatal
//		…                                     // results[i] are those of entries[i]
//	}
//	index, _, err := e.Flush()                // now the log may be cut at index
//	err = e.Close()
//
// The engine has no log of its own: what was applied is durable once it was
// flushed, by Flush or because memory was full, always as a prefix of what was
// applied. Whoever calls Apply keeps the entries until then and, after a start,
// applies those above Applied again. Everything that Apply answers and writes
// follows from the entries alone: no clock, no random number, no order of a map,
// no configuration of a node. So replicas that apply the same entries are the
// same, byte for byte of what they hold, and the hash chain shows it.
//
// Reads may run at any time, from any number of goroutines. They see whole
// batches: a batch becomes visible, all of it, when Apply returns.
//
// # How events lie
//
// Consecutive positions make a layer, within which events are sorted by stream;
// keys.go draws the key space. The open layer is also in memory (tail.go), a
// sealed one is read in one scan and kept in a cache for other readers
// (readlayer.go). A stream is read with one seek for each layer it touches
// (readstream.go), everything and categories layer by layer (scan.go). Those who
// follow the log read it in the same way, position by position (follow.go).
//
// # Where to begin
//
// keys.go, apply.go, judge.go and repeat.go, write.go, seal.go; then visible.go,
// which decides what a reader may see; gone.go and sweep.go, on what is removed.
//
// # Invariants
//
// What must hold of the keys after every batch. [Engine.Verify] checks each, and
// names the one that is broken by its number:
//
//  1. Positions are dense: each from 1 to the head is in exactly one layer, once;
//     layers follow each other without gap, the open one last.
//  2. Revisions are dense: a stream's run from 0 on, across its layers.
//  3. A stream's first event in a layer has its entry in i, which names the
//     layer, and every entry of i has its event.
//  4. o lists the events of its positions as the records say; the open layer
//     has those lists that are complete.
//  5. c holds the hashes that follow from its layer's records, no more, no less.
//  6. l holds the bounds, bytes, digest and summary that follow from the records.
//  7. Each event that records a change of life has its state in s, at the same
//     position, and that follows from the event and the state before it.
//  8. Times never go back from one position to the next.
//  9. The head and the totals in m|applied are what counting gives.
//  10. Each record is whole: both checksums, the digest, and its own key.
//  11. There is no key that is not described in keys.go.
//  12. What m says of the store agrees with itself: format, settings, chain.
//  13. Each event of the stream of definitions has its version in d, at the same
//     position, that says the same; versions of a definition count from 1 on.
//  14. n lists the snapshots that v holds, each whole and of a revision that its
//     stream has, no more than the rule of thin keeps.
//  15. A group that is defined has its progress, within the store; its counts
//     are what counting its asides gives; each is found by its time and by the
//     stream that it holds. No other group has keys.
//  16. What is left of removed events is whole, and of none of the system's.
package engine
