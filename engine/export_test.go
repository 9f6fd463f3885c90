package engine

import "github.com/cockroachdb/pebble/v2"

// DB lets tests plant damage.
func (e *Engine) DB() *pebble.DB { return e.db }
