// Package check holds what consumers were told against what they were promised.
// It is for tests.
//
// A test lets consumers run while whatever happens to the cluster, and writes
// down what each of them sees: a history. In the end it reads the log, which is
// the truth, and asks a checker whether the history can be. Checkers look at no
// clock and guess nothing: what they find is a bug, of the store's or of the
// test's.
//
// # Stores
//
// [Ledger] is what clients asked to be appended, and what became of it as far as
// they know. [Ledger.Check] knows these promises:
//
//	acknowledged  what was acknowledged is there, where its client was told
//	once          and once, however often it was repeated
//	refused       what was refused is not there
//	unasked       nothing is there that nobody has appended
//	gapless       positions and revisions have no gap
//	winner        an event that was appended at an expected revision has the next one, so of several one wins
//	torn          an append is there whole or not at all, in one piece
//	time          does not go back from one position to the next
//	content       an event is what was appended
//
// [History] adds when each call began and ended, and reads. [History.Check] holds
// all of it against the log, in two ways that do not trust each other:
//
//   - By position. Each answer has a place in the log, or places that would
//     explain it; a pass over the calls finds out whether such places can be chosen so
//     that nothing comes behind what began only after it was over. That covers all
//     streams at once, atomic appends to several, and reads at every level of consistency.
//   - By search: porcupine gets each stream's appends, changes and linearizable reads,
//     without positions, and looks for any order that explains the answers.
//
// An append whose outcome is unknown is one call from its first attempt to the
// last, and takes effect at any time, or never. The promises:
//
//	real time     an append comes behind what was acknowledged or shown before it was called
//	behind        a linearizable read shows all that was acknowledged or shown before it was called
//	waited        a read at least at a position shows what is there
//	prefix        any read shows the log as it was at one position, whole appends, nothing left out
//	answer        a refusal is explained by how the stream stood
//	linearizable  porcupine finds an order
//
// [SameAnswer] judges the repetition of what was acknowledged (repeat), [Same]
// compares replicas and their hash chains (replicas). The log that these ask for
// holds everything, also what readers no longer see.
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
// ledger_test.go and history_test.go lie to clients and change logs, in each way
// that there is a promise against, and name the checks that have to find it.
// TestPlanted switches on, one after the other, bugs that are planted in the
// shipped code, and fails where one is not caught; see package planted.
package check
