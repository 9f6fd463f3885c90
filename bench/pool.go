package bench

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/firndb/firn"
)

// poolMax bounds how many streams of earlier runs are looked up.
const poolMax = 1 << 20

// pool knows the finished streams in the store: those with StreamEvents events
// of the right size. A stream's name says the size of its events, so that a
// later run finds the streams of an earlier one.
type pool struct {
	prefix string // of all streams with events of this size
	tag    string // of this run's own streams, behind the prefix
	begun  atomic.Uint64

	mu       sync.Mutex
	finished []string
}

func newPool(size int) *pool {
	id := firn.NewID().String()
	return &pool{prefix: fmt.Sprintf("bench-%d-", size), tag: id[len(id)-8:] + "-"}
}

// newName returns a name that was never used.
func (p *pool) newName() string {
	return fmt.Sprintf("%s%s%d", p.prefix, p.tag, p.begun.Add(1))
}

// finish adds a stream that has all of its events.
func (p *pool) finish(stream string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finished = append(p.finished, stream)
}

// all returns the finished streams. They are the caller's to read, not to
// change.
func (p *pool) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.finished[:len(p.finished):len(p.finished)]
}

// find adds the finished streams that earlier runs have left in the store.
func (p *pool) find(ctx context.Context, store firn.Store) error {
	for info, err := range store.Streams(ctx, firn.StreamQuery{Prefix: p.prefix, Limit: poolMax}) {
		if err != nil {
			return fmt.Errorf("list the streams that are there: %w", err)
		}
		own := strings.HasPrefix(info.Name, p.prefix+p.tag)
		if info.State == firn.Live && info.Events == StreamEvents && !own {
			p.finish(info.Name)
		}
	}
	return nil
}
