// Package storetest is the one conformance suite for every [firn.Store]: the
// model in memory, the engine, an embedded node, a node and a cluster over
// TCP. It is for tests only.
//
// [Run] tells a store's duties one noun at a time, each on an empty store:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) firn.Store { return openEmpty(t) })
//	}
//
// [Random] drives the store and [firn.Memory] with the same random operations
// and compares every answer. It prints its seed and the command that repeats
// it. [Compare] is its core, which returns the first difference as an error,
// so that a test can show that planted bugs are found.
//
// # What the suite asks of the store under test
//
// Each call of open gives an empty store, closed by the test's clean-up. The
// store's clock runs like the test's own: tests of moments and ages let a few
// microseconds pass between two calls, so that their events carry different
// times, and ask for nothing finer. Random and Compare also run in a synctest
// bubble; Run does not, since a bubble allows no subtests.
//
// Tests that share a store keep apart by the names of their streams.
package storetest
