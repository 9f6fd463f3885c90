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

// The categories of the streams that are written. One stream of a hundred is of
// the rare one, so that its events are spread over everything.
const (
	category     = "bench"
	rareCategory = "benchrare"
	rareEvery    = 100
)

// pool knows the finished streams in the store: those with StreamEvents events
// of the right size. A stream's name says the size of its events, so that a
// later run finds the streams of an earlier one.
type pool struct {
	size  int
	tag   string // of this run's own streams
	begun atomic.Uint64

	mu       sync.Mutex
	finished []string
}

func newPool(size int) *pool {
	id := firn.NewID().String()
	return &pool{size: size, tag: id[len(id)-8:] + "-"}
}

// prefix returns how the names of a category's streams begin.
func (p *pool) prefix(category string) string { return fmt.Sprintf("%s-%d-", category, p.size) }

// newName returns a name that was never used.
func (p *pool) newName() string {
	n := p.begun.Add(1)
	if n%rareEvery == 0 {
		return p.name(rareCategory, n)
	}
	return p.name(category, n)
}

// newNameIn returns one that is of this category.
func (p *pool) newNameIn(category string) string { return p.name(category, p.begun.Add(1)) }

func (p *pool) name(category string, n uint64) string {
	return fmt.Sprintf("%s%s%d", p.prefix(category), p.tag, n)
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
	for _, category := range []string{category, rareCategory} {
		prefix := p.prefix(category)
		for info, err := range store.Streams(ctx, firn.StreamQuery{Prefix: prefix, Limit: poolMax}) {
			if err != nil {
				return fmt.Errorf("list the streams that are there: %w", err)
			}
			own := strings.HasPrefix(info.Name, prefix+p.tag)
			if info.State == firn.Live && info.Events == StreamEvents && !own {
				p.finish(info.Name)
			}
		}
	}
	return nil
}
