package raftlog

// sizes knows about how many bytes lie between two indexes of the log, without
// a number per entry: it puts a mark behind every 64 KiB.
type sizes struct {
	total uint64 // bytes of all entries added since Open, removed ones included
	marks []mark // ascending
	since uint64 // bytes added after the last mark
	base  uint64 // total before the first entry that is still there
}

type mark struct{ index, total uint64 }

const markEvery = 64 << 10

// add counts an entry appended at index.
func (s *sizes) add(index uint64, bytes int) {
	s.total += uint64(bytes)
	s.since += uint64(bytes)
	if s.since >= markEvery {
		s.marks = append(s.marks, mark{index, s.total})
		s.since = 0
	}
}

// removeThrough counts the removal of every entry up to and including index.
func (s *sizes) removeThrough(index uint64) {
	n := 0
	for n < len(s.marks) && s.marks[n].index <= index {
		s.base = s.marks[n].total
		n++
	}
	s.marks = append(s.marks[:0], s.marks[n:]...)
}

// removeFrom counts the removal of every entry from index on. What is left of
// the stretch behind the last mark is no longer counted, which errs by at most
// markEvery.
func (s *sizes) removeFrom(index uint64) {
	n := len(s.marks)
	for n > 0 && s.marks[n-1].index >= index {
		n--
	}
	s.marks = s.marks[:n]
	s.total, s.since = s.base, 0
	if n > 0 {
		s.total = s.marks[n-1].total
	}
}

func (s *sizes) clear() { *s = sizes{} }

// bytes returns about how many bytes the log has.
func (s *sizes) bytes() uint64 { return s.total - s.base }

// indexFor returns an index such that the entries from it to the last one take
// at most limit bytes: the smallest such index that a mark knows, at least
// first, at most last+1.
func (s *sizes) indexFor(limit, first, last uint64) uint64 {
	if s.bytes() <= limit {
		return first
	}
	for _, m := range s.marks {
		if s.total-m.total <= limit {
			return max(first, m.index+1)
		}
	}
	return last + 1
}
