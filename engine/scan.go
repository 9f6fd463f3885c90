package engine

import "github.com/firndb/firn"

func newScanSource(e *Engine, q *firn.Query, b bound, p positions) source { return nil }
func newIDSource(l *lookup, q *firn.Query, b bound, p positions) source   { return nil }
