// Package snapshot turns events into state.
//
// A [Fold] is a named function from a state and an event to the next state. There
// are three sorts, and whoever computes need not know which one it has:
//
//   - [Merge], built in: each event's data is merged into the state (RFC 7396);
//   - declared ones ([Parse]): a rule for each type of event, which is a jq
//     expression, merge, ignore or fail;
//   - in Go ([New]).
//
// [Compute] runs a fold over events, from the beginning or from a snapshot, and
// gives the state, or an error that says at which event it failed and why. It
// neither reads nor keeps anything: where events and snapshots come from is the
// caller's affair, and so is when to make one ([Policy.Due]).
//
// A state is JSON. The same events give the same bytes, wherever, whenever, and
// from whichever snapshot they are computed: that is what makes a snapshot one.
// So a fold has a version, a hash of all that its states depend on, and a snapshot
// of another version is never looked at.
//
// Package snapshot/history looks into the past with it: state, diff, blame,
// bisect.
package snapshot
