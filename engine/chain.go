package engine

import (
	"encoding/binary"
)

// The hash chain covers what each entry was and what it did, so that two
// replicas with the same chain at an index hold the same store:
//
//	chain(i) = xxhash64(chain before, 8 bytes · index, 8 bytes · the entry's bytes · its writes)
//
// where a write is 0x01, uvarint length and bytes of the key, uvarint length
// and bytes of the value, and a removal 0x00, uvarint length and bytes of the
// key, in the order of writing. That is how Pebble's batch
// holds it. m|applied and m|chain are not covered: they hold the chain.
//
// It is kept at every 256th index, the newest 4,096 of them, for comparison.
const (
	chainEvery = 256
	chainKept  = 4096
)

// link extends the chain by an entry, whose writes are in the batch from start
// on, and moves the applied index to it.
func (a *applier) link(x *Entry, start int) error {
	if a.p.index > 0 {
		if err := a.keepChain(a.p.index+1, x.Index-1); err != nil {
			return err
		}
	}
	end := a.batch.Len() // before keepChain below adds what is not covered
	var head [16]byte
	binary.BigEndian.PutUint64(head[:], a.p.chain)
	binary.BigEndian.PutUint64(head[8:], x.Index)
	a.sum.Reset()
	a.sum.Write(head[:])
	a.sum.Write(x.Data)
	a.sum.Write(a.batch.Repr()[start:end])
	a.p.chain = a.sum.Sum64()
	a.p.index, a.p.term = x.Index, x.Term
	return a.keepChain(x.Index, x.Index)
}

// keepChain keeps the chain as it is now for the multiples of 256 from one
// index to another, both included, and gives up as many old ones.
func (a *applier) keepChain(from, to uint64) error {
	from = (from + chainEvery - 1) / chainEvery * chainEvery
	if to > chainEvery*chainKept {
		from = max(from, (to/chainEvery-chainKept+1)*chainEvery)
	}
	for index := from; index <= to; index += chainEvery {
		a.value = binary.BigEndian.AppendUint64(append(a.value[:0], valueVersion), a.p.chain)
		if err := a.set(chainKey(index), a.value); err != nil {
			return err
		}
		if index > chainEvery*chainKept {
			if err := a.batch.Delete(chainKey(index-chainEvery*chainKept), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// Chain returns the hash chain after the last entry applied, and its index.
func (e *Engine) Chain() (index, hash uint64) {
	s := e.seen.Load()
	return s.p.index, s.p.chain
}

// ChainAt returns the hash chain after the last entry at or below an index, for
// the newest 4,096 multiples of 256.
func (e *Engine) ChainAt(index uint64) (hash uint64, ok bool) {
	if e.enter() != nil {
		return 0, false
	}
	defer e.leave()
	value, closer, err := e.db.Get(chainKey(index))
	if err != nil {
		return 0, false
	}
	defer closer.Close()
	r := readValue(value)
	hash = r.fixed64()
	return hash, r.done()
}
