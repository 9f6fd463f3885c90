//go:build planted

package planted

import "os"

var now = Bug(os.Getenv("FIRN_PLANTED"))

// Is reports whether a bug is planted.
func Is(b Bug) bool { return b == now }
