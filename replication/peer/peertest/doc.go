// Package peertest is a network in memory for tests of whole clusters, in one
// process and usually in one testing/synctest bubble.
//
//	sim := peertest.NewSim()
//	port, err := peer.Listen(peer.Options{Network: sim.Host("n1"), Addr: "n1:7410", …})
//	sim.Delay("n1", "n2", 5*time.Millisecond)
//	sim.Cut("n1", "n2")   // what n1 sends does not reach n2; both ways: sim.Part
//	sim.Heal()
//	sim.Break("n1", "n2") // connections are reset; sim.Crash("n1"): the host is gone
//
// It behaves as TCP does, seen from a program: what was sent over a link that is cut
// arrives, in order, once the link is healed; a dial over it hangs until its context
// ends; a write blocks once 256 KiB are under way. A host's name is the part of
// its addresses before the colon. Nothing runs on a goroutine of its own, so a
// bubble ends when the program under test does.
package peertest
