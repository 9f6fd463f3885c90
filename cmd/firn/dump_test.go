package main

import "testing"

// What a dump prints is tested with a node (server/servertest).
func TestDumpIsRefused(t *testing.T) {
	c, dir := newCLI(t), t.TempDir()
	c.fails(exitUsage, "both --engine and --raft", "dump", dir, "--raft", "--engine")
	c.fails(exitUsage, "needs --engine", "dump", dir, "--from", "1")
	c.fails(exitUsage, "not an index", "dump", dir, "--raft", "--from", "-1")
	c.fails(exitUsage, "not a key in hexadecimal", "dump", dir, "--engine", "--from", "650")
	c.fails(exitUsage, "is of the store", "dump", dir, "--raft", "--keys", "e")
	c.fails(exitUsage, "single letters", "dump", dir, "--keys", "event")
	c.fails(exitUsage, "not the data directory", "dump", dir)
}
