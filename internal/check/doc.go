// Package check holds what consumers were told against what they were promised.
// It is for tests.
//
// A test lets consumers run while whatever happens to the cluster, and writes
// down what each of them sees: a history. In the end it reads the log, which is
// the truth, and asks a checker whether the history can be. Checkers look at no
// clock and guess nothing: what they find is a bug, of the store's or of the
// test's.
//
// # Subscriptions
//
// [Heard] is what one subscriber was told, over all the times that it
// subscribed. [Heard.Check] knows the six guarantees of firn.Store.Subscribe:
//
//	order        events and life marks come in order of position
//	once         none comes twice
//	gap          every event that is asked for, and visible, has come before any later position is spoken of
//	torn         marks speak of the ends of appends only
//	caught up    the first caught-up mark covers what was committed when the subscription was opened
//	content      an event is the one that was appended, and was asked for
//
// Resumption, the remaining one, is what makes the others hold over several
// connections: [Heard.Resume] begins again behind what a consumer may have kept,
// and the checks do not know that it did.
//
// # Groups
//
// [Group] is the history of a consumer group: deliveries, answers with what
// became of them, replays, drops and waits. [Group.Watch] wraps a store, so that
// whatever consumes through it is written down; histories of several processes
// meet in one file, see [Group.KeepIn]. [Group.Check] stands on two facts:
//
//   - The tokens of deliveries grow, over epochs and within one. So their order is
//     the order in which the group's leaders handed events out, wherever the
//     deliveries went and however long they took, and no clock is needed.
//   - An answer is kept (Settle returned nil), void (it was stale), or nobody
//     knows: the process died, the leader did, or some of several were stale. What
//     may have counted is never held against the group, in either direction.
//
// It knows these promises:
//
//	lost         in the end every event is settled, dropped, parked, or waits behind one that is parked
//	again        what was settled or parked is not delivered again, unless it was replayed or rewound
//	order        in an ordered group, nothing is delivered before what precedes it in its stream was settled;
//	             a stream that is retried or parked holds up only itself, or something else is lost
//	attempts     they count up, a failed one is counted, and there are no more than the group allows
//	stale        an answer to a delivery that was followed by another of the same event changes nothing
//	parked       what is listed as parked was parked, and what was parked is listed, with its reason
//	wait         what a wait says has passed was settled, or parked
//	content      a delivery is of an event that the group follows, as it was appended
//
// # That the checkers check
//
// planted_subscriptions_test.go and planted_groups_test.go put bugs into the
// shipped code from outside, most of which have happened to other systems, and
// fail where one is not caught. The shipped binary has none of this: a bug is a
// wrapper around a store, or around the log that a group's coordinator writes to.
package check
