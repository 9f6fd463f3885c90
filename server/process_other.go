//go:build !linux

package server

// readProcessUse knows no way to ask that holds for all other systems.
func readProcessUse() (processUse, bool) { return processUse{}, false }
