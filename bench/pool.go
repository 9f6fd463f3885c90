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

// pool knows finished streams in the store: those of one sort that have as many
// events as they were to get. A stream's name says its sort, so that a later run
// finds the streams of an earlier one.
type pool struct {
	sort
	tag      string // of this run's own streams
	begun    atomic.Uint64
	searched bool // for the streams of earlier runs

	mu       sync.Mutex
	finished []string
}

// sort is what streams have in common.
type sort struct {
	size   int    // bytes of an event's data
	length int    // events, when they are finished
	shape  string // S or D; "": each was written at one go
	grown  bool   // they are appended to when they are finished
}

func newPool(s sort) *pool {
	id := firn.NewID().String()
	return &pool{sort: s, tag: id[len(id)-8:] + "-"}
}

// prefix returns how the names of a category's streams begin.
func (s sort) prefix(category string) string {
	name := fmt.Sprintf("%s-%s%d", category, s.shape, s.size)
	if s.length != StreamEvents {
		name += fmt.Sprintf("x%d", s.length)
	}
	if s.grown {
		name += "grown"
	}
	return name + "-"
}

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

// search is find, once.
func (p *pool) search(ctx context.Context, store firn.Store) error {
	if p.searched {
		return nil
	}
	p.searched = true
	return p.find(ctx, store)
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
			if info.State == firn.Live && !own && (info.Events == uint64(p.length) || p.grown && info.Events > uint64(p.length)) {
				p.finish(info.Name)
			}
		}
	}
	return nil
}
