package servertest

import (
	"os"
)

// Long reports whether the tests may take their time: more rounds, larger
// loads.
func Long() bool { return os.Getenv("FIRN_LONG") != "" }

// Rounds is how often a test does a thing: few times, or many where it may
// take its time.
func Rounds(few, many int) int {
	if Long() {
		return many
	}
	return few
}
