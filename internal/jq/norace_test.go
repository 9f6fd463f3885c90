//go:build !race

package jq_test

const raceFactor = 1
