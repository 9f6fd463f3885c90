package engine

import (
	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// applier is all that applying entries needs and changes. One goroutine owns
// it. What readers may see of it is published by the engine, batch by batch.
type applier struct {
	// Set at Open, then read only.
	db       *pebble.DB
	settings Settings

	// The store after the last item that was applied.
	p        progress
	identity identity
	version  uint64
	stored   bool // the settings are written
	sealed   []sealed
	tail     *tail
	sealNow  bool // the open layer ends here, full or not
	window   *window
	states   *states

	definitions *definitions
	groups      groups
	scavenges   []scavenged // never changed, but for being replaced

	// Of the Apply call that is running.
	batch     *pebble.Batch
	it        *pebble.Iterator         // of what was committed before; made when first needed
	pending   []*tail                  // sealed by this batch, so not in any key yet; publish empties it
	ended     map[string]uint64        // d prefixes of the definitions that this batch has ended → their last versions
	snapshots map[string]*snapshotList // of the streams that this batch keeps snapshots of

	// Of the item that is being applied: its drafts, flat, and their hashes.
	drafts []record.Draft
	hashes []uint64
	writes []*streamState

	// To be used again.
	key, node, value, hashBuf []byte
	sum                       *xxhash.Digest
	ids                       map[firn.ID]struct{}
	names                     map[string]struct{}
	lastChunk                 *chunk // that judging a repetition has read last
}

// iterator returns the iterator of this Apply call.
func (a *applier) iterator() (*pebble.Iterator, error) {
	if a.it == nil {
		it, err := a.db.NewIter(nil)
		if err != nil {
			return nil, err
		}
		a.it = it
	}
	return a.it, nil
}

func (a *applier) release() {
	if a.it != nil {
		a.it.Close()
		a.it = nil
	}
	clear(a.snapshots)
	if a.batch != nil {
		a.batch.Close()
		a.batch = nil
	}
}

// set writes a small key. The batch copies both.
func (a *applier) set(key, value []byte) error { return a.batch.Set(key, value, nil) }
