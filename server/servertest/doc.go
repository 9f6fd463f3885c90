// Package servertest runs clusters for tests, on loopback, in two ways.
//
// [Start] runs nodes in the test's own process: quick to start, and the race
// detector sees them. [Spawn] runs each node as a process of its own, from a
// binary that is built once a test run, so that a node can be killed as a user
// would see it killed.
//
// Both keep their data in the test's temporary directory, and stop everything
// when the test ends.
package servertest
