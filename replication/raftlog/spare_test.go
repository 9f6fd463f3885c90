package raftlog

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestSpareIsWrittenOver lets a log come into use, so that it changes into a
// write-ahead log that was made beforehand, cuts the power at once, and again
// after more was written.
func TestSpareIsWrittenOver(t *testing.T) {
	fs := vfs.NewCrashableMem()
	l := open(t, fs)
	const perWrite, writes = 50, 200
	write := func(from uint64) {
		for i := range uint64(writes) {
			first := from + i*perWrite
			must(t, l.StoreLogs(entries(first, first+perWrite-1, 1)))
		}
	}
	write(1)
	if l.written.Load() < spareAfterBytes {
		t.Fatalf("%d bytes are not enough to make a spare; write more", l.written.Load())
	}
	l.spare.making.Wait()
	if _, err := fs.Stat(fs.PathJoin(dir, spareName)); err == nil {
		t.Fatal("the spare is still there: no write-ahead log took it")
	}
	write(1 + writes*perWrite)

	crashed := open(t, fs.CrashClone(vfs.CrashCloneCfg{}))
	first, last, err := crashed.bounds()
	must(t, err)
	if first != 1 || last != 2*writes*perWrite {
		t.Errorf("after the power cut the log holds %d to %d, not 1 to %d", first, last, 2*writes*perWrite)
	}
}
