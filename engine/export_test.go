package engine

import "github.com/cockroachdb/pebble/v2"

// DB lets tests plant damage.
func (e *Engine) DB() *pebble.DB { return e.db }

// ForgetStates empties what apply keeps in memory of streams, as if as many
// others had been used since.
func (e *Engine) ForgetStates() {
	e.a.states.young, e.a.states.old, e.a.lastChunk = map[string]*streamState{}, nil, nil
}
