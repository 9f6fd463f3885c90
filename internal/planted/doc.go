// Package planted switches bugs on that are planted in the shipped code, each in
// a few lines:
//
//	if planted.Is(planted.RaftLogUnsynced) { // what was acknowledged goes with the power
//
// A checker counts only where it is shown to catch bugs. With the build tag
// planted, the bug that the environment variable FIRN_PLANTED names is on, and
// TestPlanted in internal/check runs the tests that should catch each, until they
// do. Without the tag [Is] is the constant false: the compiler removes the lines,
// and the shipped program holds nothing of them, which the same test looks at.
package planted
