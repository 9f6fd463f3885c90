// Package jq runs jq expressions that strangers wrote, inside a node: folds,
// upcasters and conditions.
//
// [Compile] takes an expression and the names of its variables and refuses what
// could make it answer differently tomorrow, or elsewhere: the clock, the
// environment, the time zone, further input, modules. A [Program] is run with
// an input and a value for each variable, and answers with one value:
//
//	p, err := jq.Compile(".items += [$event.data.item]", "$event")
//	state, err = p.Run(ctx, state, event)
//
// The library is gojq. It can be cancelled between two instructions and no
// more, and a single instruction may take any time and any memory ("x" * 1e9,
// .[1e9] = 1, the comparison of two values that share their parts). So the
// expression is not run as it was written: see rewrite.go. Every operation
// whose work grows with a value is preceded by one that pays for it, in steps,
// and some are replaced (update.go, match.go). A program has a number of steps
// and ends when they are used up, which is the same on every machine; a step
// takes some tens of nanoseconds and at most about 200 bytes, so that a run ends
// within a fraction of a second and 100 MiB. A limit on time stands behind it,
// for a machine that is slow.
//
// What a caller must know about numbers: those that come in are carried over as
// they were written (100.10, 1e2, twenty digits), as long as nothing is computed
// with them. Computed numbers are jq's: integers of any size up to 4,096 bits,
// else float64.
//
// A Program may be run by many goroutines at once, and never changes a value
// that it was given, so inputs may be shared. The values are those of [Decode]:
// nil, bool, json.Number, string, []any, map[string]any. So are the results: a
// program computes on with a result in the same way whether or not it was
// written and read in between.
package jq
