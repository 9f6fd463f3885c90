package engine

import (
	"container/list"
	"sync"
	"unsafe"
)

// layerCache holds decoded layers, so that followers who read the same part of
// the log decode it once. It admits by bytes: the layers used last stay.
type layerCache struct {
	bytesMax int64 // set when made

	mu     sync.Mutex
	bytes  int64
	byNo   map[uint32]*list.Element
	recent *list.List // of *cachedLayer, the one used last in front
	hits   uint64
	misses uint64
	asked  map[uint32]int // events fetched one by one out of layers that are not here
}

type cachedLayer struct {
	layer uint32
	once  sync.Once
	view  *view // set by once
	err   error // set by once
	bytes int64 // guarded by the cache's mu; 0 until it is known
}

func newLayerCache(bytesMax int64) *layerCache {
	return &layerCache{bytesMax: bytesMax, byNo: make(map[uint32]*list.Element), recent: list.New(), asked: make(map[uint32]int)}
}

// peek returns a layer if it is there.
func (c *layerCache) peek(layer uint32) *view {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.byNo[layer]
	if element == nil {
		return nil
	}
	cached := element.Value.(*cachedLayer)
	if cached.bytes == 0 {
		return nil // being read
	}
	c.recent.MoveToFront(element)
	c.hits++
	return cached.view
}

// askedMax bounds how many layers are counted at once; of a small layer so many
// events are fetched before it is read whole.
const (
	askedMax = 1024
	askedMin = 32
)

// wanted counts n events that somebody wants to fetch one by one, and reports
// whether so many were asked for that the layer had better be read whole: a
// consumer who pages through the log does that.
func (c *layerCache) wanted(s *sealed, n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.asked) >= askedMax {
		clear(c.asked)
	}
	c.asked[s.number] += n
	if c.asked[s.number] <= max(s.count()/16, askedMin) {
		return false
	}
	delete(c.asked, s.number)
	return true
}

// get returns a layer, and reads it where it is not there. Several who ask for
// one layer at once wait for one reading.
func (c *layerCache) get(layer uint32, read func() (*view, error)) (*view, error) {
	c.mu.Lock()
	element := c.byNo[layer]
	if element == nil {
		c.misses++
		element = c.recent.PushFront(&cachedLayer{layer: layer})
		c.byNo[layer] = element
	} else {
		c.hits++
		c.recent.MoveToFront(element)
	}
	cached := element.Value.(*cachedLayer)
	c.mu.Unlock()

	cached.once.Do(func() { cached.view, cached.err = read() })

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byNo[layer] == element && cached.bytes == 0 {
		if cached.err != nil {
			c.remove(element)
		} else {
			cached.bytes = cached.view.memory()
			c.bytes += cached.bytes
			c.shrink()
		}
	}
	return cached.view, cached.err
}

// add takes a layer that has just been sealed: those who follow the head are a
// little behind it, and want that layer next.
func (c *layerCache) add(v *view) {
	cached := &cachedLayer{layer: v.layer, view: v, bytes: v.memory()}
	cached.once.Do(func() {})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byNo[v.layer] != nil {
		return
	}
	c.byNo[v.layer] = c.recent.PushFront(cached)
	c.bytes += cached.bytes
	c.shrink()
}

func (c *layerCache) remove(element *list.Element) {
	cached := c.recent.Remove(element).(*cachedLayer)
	delete(c.byNo, cached.layer)
	c.bytes -= cached.bytes
}

// shrink gives up the layers that were not used for longest. One that is
// larger than the cache is not kept at all.
func (c *layerCache) shrink() {
	for element := c.recent.Back(); element != nil && c.bytes > c.bytesMax; {
		before := element.Prev()
		if element.Value.(*cachedLayer).bytes > 0 {
			c.remove(element)
		}
		element = before
	}
}

// memory is about what the view takes.
func (v *view) memory() int64 {
	size := int64(len(v.recs)) * int64(unsafe.Sizeof(rec{}))
	for _, block := range v.blocks {
		size += int64(len(block))
	}
	for _, name := range v.streams {
		size += int64(len(name)) + int64(unsafe.Sizeof(name))
	}
	return size
}
