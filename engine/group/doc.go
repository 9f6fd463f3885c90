// Package group coordinates consumer groups: on the leader, one [Coordinator]
// for each group hands its events to its consumers and takes their answers.
//
//	c := group.Start(group.Options{…})  // when this node begins to lead
//	u, err := c.Consume(0)
//	for {
//		deliveries, err := u.Next(ctx, 16)
//		…
//		void, err := u.Settle(ctx, answers) // kept by a majority when it returns
//	}
//	c.Stop(err)                         // when it ceases to lead
//
// # What is replicated, and what is in memory
//
// Where a group stands is replicated: engine.GroupProgress, and its asides. A
// coordinator begins from it, and moves it on in steps (command.Settle), which
// it proposes one at a time: the answers that come in while a step is under way
// make the next one, so a busy group batches by itself, without a timer. A step
// builds on the one before it. Should another coordinator have made one, by
// whatever accident, ours is refused, and we begin again from what is.
// Deliveries and their leases are in memory alone: a new leader delivers again
// what was not settled.
//
// # The flow, and what is aside
//
// The loop reads what the group follows, in order: the flow. Of an ordered
// group, the events of one stream make a lane, of which only the first is
// delivered. An event that is to be delivered later or was parked is set aside.
// In an ordered group its aside holds the stream: the flow then passes over all
// of that stream's events, and the aside stands for them. When its time has
// come, the stream catches up: its events are read from the aside on, up to
// where the flow is by then, and when none is left the aside goes and the
// stream is in the flow again. So whatever happens to some streams, the flow
// goes on, and takes no more memory than its window.
//
// # Goroutines
//
// The loop (coordinator.go) reads, decides and proposes; what it alone touches
// needs no lock. Consumers share with it what can be delivered, what is, and
// the answers, under mu. Beside the loop run one goroutine while a step is under
// way and one that waits for the head. All end with Stop.
package group
