package engine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/testenv"
)

// The window finds every event within it, however many share a fingerprint,
// and forgets those far outside.
func TestWindowFindsWhatIsWithin(t *testing.T) {
	const positions = 1000
	rng := rand.New(rand.NewPCG(testenv.Seed(t), 3))
	w := newWindow(positions)
	hashes := []uint64{0}
	for p := firn.Position(1); p <= 5000; p++ {
		h := rng.Uint64()
		if rng.IntN(10) == 0 {
			h = hashes[rng.IntN(len(hashes))]&^0xffff | h&0xffff // a fingerprint that is there, or the zero one
		}
		hashes = append(hashes, h)
		w.add(h, p)
		if p > positions && p%37 == 0 {
			w.drop(p - positions)
		}
	}
	for p := firn.Position(4001); p <= 5000; p++ {
		var found []firn.Position
		w.find(hashes[p], func(at firn.Position) bool { found = append(found, at); return true })
		if !slices.Contains(found, p) {
			t.Fatalf("the event at %d is not found, only %v", p, found)
		}
		for _, at := range found {
			if hashes[at]>>32 != hashes[p]>>32 || at <= 5000-positions-2*positions/windowGenerations {
				t.Fatalf("looking for %x at %d gives %d, which has %x", hashes[p], p, at, hashes[at])
			}
		}
	}
	stopped := 0
	w.find(hashes[4500], func(firn.Position) bool { stopped++; return false })
	if stopped != 1 {
		t.Errorf("find went on %d times after it was told to stop", stopped-1)
	}
}

// The cache of layers holds what was used last, up to its bytes, and reads a
// layer once.
func TestLayerCache(t *testing.T) {
	layer := func(n uint32) *view { return &view{layer: n, blocks: [][]byte{make([]byte, 1000)}} }
	c := newLayerCache(2500)
	reads := 0
	get := func(n uint32) {
		t.Helper()
		v, err := c.get(n, func() (*view, error) { reads++; return layer(n), nil })
		if err != nil || v.layer != n {
			t.Fatalf("layer %d: %v, %v", n, v, err)
		}
	}
	get(1)
	get(2)
	get(1)
	get(3) // 2 was used least recently
	if reads != 3 || c.peek(2) != nil || c.peek(1) == nil || c.peek(3) == nil {
		t.Errorf("after 3 layers, %d reads: 1 %v, 2 %v, 3 %v", reads, c.peek(1), c.peek(2), c.peek(3))
	}
	c.add(layer(9))
	if c.peek(9) == nil || c.bytes > c.bytesMax {
		t.Errorf("%d bytes of %d are held", c.bytes, c.bytesMax)
	}
	if _, err := c.get(5, func() (*view, error) { return nil, errClosed() }); err == nil {
		t.Error("a layer that could not be read was given out")
	}
	get(5) // and is tried again
}
