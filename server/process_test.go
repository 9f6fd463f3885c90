package server

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// What is written to a disk is counted, and so is the time that it took.
func TestProcessUse(t *testing.T) {
	if runtime.GOOS != "linux" {
		if _, ok := readProcessUse(); ok {
			t.Errorf("the process's use is told on %s", runtime.GOOS)
		}
		return
	}
	before, ok := readProcessUse()
	if !ok || before.memory < 1<<20 {
		t.Fatalf("before: %+v, %t", before, ok)
	}
	if err := os.WriteFile(filepath.Join(t.TempDir(), "file"), make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	after, ok := readProcessUse()
	if !ok || after.cpu < before.cpu || after.written < before.written {
		t.Errorf("after 1 MiB was written: %+v, before: %+v", after, before)
	}
}
