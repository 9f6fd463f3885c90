//go:build race

package jq_test

// raceFactor is by how much more memory the race detector lets a run take.
const raceFactor = 2
