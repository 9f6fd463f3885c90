// Package engine is the log on Pebble: it applies the commands of the Raft log
// to an ordered store of events, and reads them.
package engine
