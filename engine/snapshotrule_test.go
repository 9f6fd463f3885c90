package engine

import (
	"testing"
	"testing/quick"
)

// However many snapshots come, what is kept is bounded, the newest is among
// it, and where they come evenly the past stays covered evenly.
func TestThinning(t *testing.T) {
	const most = 64
	for _, every := range []uint64{1, 7, 100} {
		var kept []keptSnapshot
		for n := range uint64(5000) {
			newest := keptSnapshot{revision: (n+1)*every - 1, bytes: 10}
			kept, _ = thin(append(kept, newest), most, 1<<30)
			if len(kept) > most || kept[len(kept)-1] != newest {
				t.Fatalf("after %d snapshots %d are kept, the last at %d", n+1, len(kept), kept[len(kept)-1].revision)
			}
			widest, end := uint64(0), uint64(0)
			for _, k := range kept {
				widest, end = max(widest, k.revision+1-end), k.revision+1
			}
			if even := max(every, (n+1)*every/most); widest > 4*even {
				t.Fatalf("after %d snapshots, one every %d, there is a gap of %d; evenly divided all would have %d", n+1, every, widest, even)
			}
		}
	}
}

// Whatever comes, in whatever sizes: the bounds hold, the newest stays, and
// what goes and what stays is what there was.
func TestThinningAnything(t *testing.T) {
	check := func(gaps []uint8, sizes []uint16) bool {
		var kept, all []keptSnapshot
		revision, dropped := uint64(0), 0
		for i, gap := range gaps {
			revision += 1 + uint64(gap)
			k := keptSnapshot{revision: revision}
			if i < len(sizes) {
				k.bytes = uint64(sizes[i])
			}
			all = append(all, k)
			var gone []keptSnapshot
			kept, gone = thin(append(kept, k), 8, 100_000)
			dropped += len(gone)
			bytes := uint64(0)
			for _, k := range kept {
				bytes += k.bytes
			}
			if len(kept) > 8 || bytes > 100_000 && len(kept) > 1 || kept[len(kept)-1] != k || dropped+len(kept) != len(all) {
				return false
			}
		}
		return true
	}
	if err := quick.Check(check, nil); err != nil {
		t.Error(err)
	}
}
