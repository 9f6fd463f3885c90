package engine

import (
	"time"

	"github.com/firndb/firn"
)

// Stats are figures about a store. Events and streams count what was ever
// written, hidden or not, the system's own apart.
type Stats struct {
	Events, SystemEvents   uint64
	Streams, SystemStreams uint64
	Bytes                  uint64 // of all records
	Layers                 uint64 // sealed ones
	OpenEvents             uint64 // events in the open layer
	Head                   firn.Position
	HeadTime               time.Time
	Scavenged              firn.Position // of the newest scavenge; 0: there was none
	Scavengeable           Swept         // what one more would have removed, when the node has counted that last
	DiskBytes              uint64

	BlockCacheHits, BlockCacheMisses int64 // since the store was opened, as all below
	LayerCacheHits, LayerCacheMisses uint64
	LayerCacheBytes                  int64
	StateCacheHits, StateCacheMisses uint64 // states of streams, looked up by apply
	FlushedBytes, CompactedBytes     uint64 // written to disk
}

// Stats returns figures about the store.
func (e *Engine) Stats() (Stats, error) {
	if err := e.enter(); err != nil {
		return Stats{}, err
	}
	defer e.leave()
	s, m := e.seen.Load(), e.db.Metrics()
	stats := Stats{
		Events: uint64(s.p.head) - s.p.totals.systemEvents, SystemEvents: s.p.totals.systemEvents,
		Streams: s.p.totals.streams, SystemStreams: s.p.totals.systemStreams,
		Bytes:  s.p.totals.bytes,
		Layers: uint64(len(s.sealed)), OpenEvents: uint64(len(s.tail.recs)),
		Head: s.p.head, HeadTime: s.timeOfHead(), Scavenged: s.scavengedAt(),
		DiskBytes:      m.DiskSpaceUsage(),
		BlockCacheHits: m.BlockCache.Hits, BlockCacheMisses: m.BlockCache.Misses,
		StateCacheHits: s.stateHits, StateCacheMisses: s.stateMisses,
	}
	for i := range m.Levels {
		stats.FlushedBytes += m.Levels[i].TableBytesFlushed
		stats.CompactedBytes += m.Levels[i].TableBytesCompacted
	}
	e.layers.mu.Lock()
	defer e.layers.mu.Unlock()
	stats.LayerCacheHits, stats.LayerCacheMisses, stats.LayerCacheBytes = e.layers.hits, e.layers.misses, e.layers.bytes
	return stats, nil
}
