// Package enginetest opens, crashes and verifies engines in tests. It is the
// only way in which tests get an engine:
//
//	s := enginetest.Open(t, enginetest.Options{})
//	s.Append(ctx, firn.To("order-1", firn.None, draft))
//	s.Crash(50) // half of what was not synced is lost; entries are replayed
//
// A store lies on a disk in memory, of which every state that a crash may
// leave can be had. When the test ends, every invariant of the store is
// verified.
//
// [Store] is a firn.Store, so that package storetest can run on it: it numbers
// commands as Raft would, and keeps them, as Raft would.
package enginetest
