package main

import (
	"strings"
	"testing"
)

// An answer counts only where a sync began and ended before it at a majority.
func TestTraced(t *testing.T) {
	const trace = `7 openat(AT_FDCWD</x>, "/firn-peers-answered-0", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
7 fdatasync(9</x/data/n1/wal>) = 0
8 fsync(10</x/data/n2/wal> <unfinished ...>
8 <... fsync resumed>) = 0
7 openat(AT_FDCWD</x>, "/firn-peers-answered-1", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
7 fdatasync(9</x/data/n1/wal>) = 0
8 fsync(10</x/data/n2/wal> <unfinished ...>
7 openat(AT_FDCWD</x>, "/firn-peers-answered-2", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
8 <... fsync resumed>) = 0
7 fdatasync(9</x/data/n1/wal>) = -1 EIO (Input/output error)
7 openat(AT_FDCWD</x>, "/firn-peers-answered-3", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
7 openat(AT_FDCWD</x>, "/x/data/n2/log", O_WRONLY|O_CREAT|O_SYNC|O_CLOEXEC, 0640) = 11</x/data/n2/log>
7 pwrite64(11</x/data/n2/log>, ""..., 9, 0) = 9
7 write(12</x/data/n3/log>, ""..., 9) = 9
7 fsync(13</x/data/n3/log>) = 0
7 openat(AT_FDCWD</x>, "/firn-peers-answered-4", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
`
	three := newTraced(3)
	for line := range strings.Lines(trace) {
		three.line(strings.TrimSpace(line))
	}
	if three.marks != 5 || three.synced != 2 || three.syncs != 5 {
		t.Errorf("%d answers, %d after a sync at a majority, %d syncs; want 5, 2, 5", three.marks, three.synced, three.syncs)
	}
}
