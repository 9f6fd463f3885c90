package jq

import "time"

// The limits of one run.
const (
	StepsMax    = 500_000     // instructions, and what larger operations pay
	TimeMax     = time.Second // behind StepsMax, for slow machines
	ValueBytes  = 4 << 20     // of a string, and of the text of all strings in a value that is compared, written or returned
	ValueParts  = 250_000     // values within a value that is compared, written or returned
	DepthMax    = 200         // of a value
	NumberBytes = 1_000       // of a number's text
	numberBits  = 4_096       // of an integer that is computed
)

// The limits of an expression.
const (
	ExpressionBytes = 16 << 10
	expressionDepth = 100
	walkDepth       = 200   // of a value that a program looks at
	patternBytes    = 1_000 // of a regular expression
	patternSize     = 5_000 // instructions that it is compiled to
	patternsKept    = 64    // compiled regular expressions that one machine keeps
)
