package engine

import (
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// DB lets tests plant damage.
func (e *Engine) DB() *pebble.DB { return e.db }

// ForgetStates empties what apply keeps in memory of streams, as if as many
// others had been used since.
func (e *Engine) ForgetStates() {
	e.a.states.young, e.a.states.old, e.a.lastChunk = map[string]*streamState{}, nil, nil
}

// Held returns how many layers followers hold beside the cache.
func (e *Engine) Held() int { return len(e.held) }

// WriteUnchecked is WriteImage of a node that does not look at what it sends.
func WriteUnchecked(fs vfs.FS, dir string, info ImageInfo, w io.Writer) error {
	return WriteImage(fs, dir, info, ImageOptions{unchecked: true}, w)
}
