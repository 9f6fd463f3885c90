// Package history looks into the past of one stream: what its state was, what
// changed between two points ([Diff]), which event changed which field last
// ([Past.Blame]), after which event a condition came to hold ([Past.Bisect],
// [Past.Scan]), and what each event did ([Past.Log]).
//
// It works on a [Past]: a fold, and a [Source] that loads states and events. The
// past must not move while it is looked at, so whoever makes one resolves a moment
// to a position first.
//
// A place in the past is an **end**: the revision behind the last event that is
// in. The state as of revision 5 is the one at end 6, and that before the first
// event is the one at end 0.
//
// Two values are the same where they are the same to JSON: 1.0 and 1e0, "A" and
// "\u0041", objects whose members stand in another order. So an event that writes
// an amount anew, in other words, has not changed it.
package history
