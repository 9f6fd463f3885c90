package engine

import "slices"

// Which snapshots of a stream are kept, for one version of a fold: all, until
// there are snapshotsMax of them or their states take snapshotBytesMax; from then
// on, for each one that comes, those go whose absence is felt least. So a
// stream's past stays covered evenly, ever more coarsely as it grows, and what is
// kept stays bounded:
//
//   - The newest one always stays.
//   - Of the others that one goes that leaves the smallest gap, the oldest first
//     among equals. Where snapshots come evenly, no gap is ever wider than four
//     times what dividing the past evenly would give (TestThinning).
//   - A state that takes more than half of the bytes by itself leaves room for
//     the newest only.
//
// The rule is part of what replicas must agree on: another one is a new cluster
// version.
const (
	snapshotsMax     = 1024
	snapshotBytesMax = 16 << 20
	oldVersions      = 1 // versions of one fold that are kept beside the newest
)

// thin takes out of kept what must go, and returns both. The slice is reused.
func thin(kept []keptSnapshot, most int, bytesMost uint64) (stay, gone []keptSnapshot) {
	bytes := uint64(0)
	for _, k := range kept {
		bytes += k.bytes
	}
	for len(kept) > 1 && (len(kept) > most || bytes > bytesMost) {
		out, least := 0, ^uint64(0)
		for i := range len(kept) - 1 {
			before := uint64(0)
			if i > 0 {
				before = kept[i-1].revision + 1
			}
			if gap := kept[i+1].revision - before; gap < least {
				out, least = i, gap
			}
		}
		bytes -= kept[out].bytes
		gone = append(gone, kept[out])
		kept = slices.Delete(kept, out, out+1)
	}
	return kept, gone
}
