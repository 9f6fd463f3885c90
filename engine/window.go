package engine

import (
	"math/bits"

	"github.com/firndb/firn"
)

// window finds the events of the last positions by the hash of stream and id.
// It costs about 16 bytes an event, so it holds only 32 bits of the hash and
// where the event is; whoever asks compares with the record itself.
//
// The positions are cut into generations of a quarter of the window. A
// generation is dropped as a whole once it lies outside, so that some events
// just outside may still be found: what may be answered is decided by position,
// which does not depend on when a node was started.
type window struct {
	size        uint64 // positions in a generation
	generations []*generation
}

type generation struct {
	number uint64 // covers positions from number*size on
	slots  []uint64
	count  int
}

// windowGenerations is into how many generations a window is cut.
const windowGenerations = 4

func newWindow(positions uint64) *window {
	return &window{size: max(1, (positions+windowGenerations-1)/windowGenerations)}
}

// add notes that the event with this hash is at p. Positions only grow, but for
// those of one generation, which may come in any order.
func (w *window) add(hash uint64, p firn.Position) {
	number := uint64(p) / w.size
	var g *generation
	for i := len(w.generations) - 1; i >= 0 && g == nil; i-- {
		if w.generations[i].number == number {
			g = w.generations[i]
		}
	}
	if g == nil {
		g = &generation{number: number, slots: make([]uint64, 64)}
		w.generations = append(w.generations, g)
	}
	g.add(hash>>32, uint64(p)%w.size+1)
}

// drop forgets the generations of which no position is above p.
func (w *window) drop(p firn.Position) {
	kept := w.generations[:0]
	for _, g := range w.generations {
		if (g.number+1)*w.size > uint64(p) {
			kept = append(kept, g)
		}
	}
	clear(w.generations[len(kept):])
	w.generations = kept
}

// find calls visit with each position that may hold an event with the hash,
// until visit returns false.
func (w *window) find(hash uint64, visit func(firn.Position) bool) {
	for i := len(w.generations) - 1; i >= 0; i-- {
		g := w.generations[i]
		mask := uint64(len(g.slots) - 1)
		for at := g.start(hash >> 32); g.slots[at] != 0; at = (at + 1) & mask {
			if g.slots[at]>>32 == hash>>32 && !visit(firn.Position(g.number*w.size+g.slots[at]&(1<<32-1)-1)) {
				return
			}
		}
	}
}

// start is where a fingerprint belongs: the highest bits choose the slot, so
// that the table can grow from what it holds.
func (g *generation) start(print uint64) uint64 {
	return print >> (32 - min(32, bits.Len(uint(len(g.slots)-1))))
}

func (g *generation) add(print, offset uint64) {
	if g.count*4 >= len(g.slots)*3 {
		old := g.slots
		g.slots, g.count = make([]uint64, 2*len(old)), 0
		for _, slot := range old {
			if slot != 0 {
				g.put(slot)
			}
		}
	}
	g.put(print<<32 | offset)
}

func (g *generation) put(slot uint64) {
	mask := uint64(len(g.slots) - 1)
	at := g.start(slot >> 32)
	for g.slots[at] != 0 {
		at = (at + 1) & mask
	}
	g.slots[at] = slot
	g.count++
}
