package server

import (
	"runtime"
	"testing"
	"time"
)

// The process's time is counted.
func TestProcessUse(t *testing.T) {
	before, ok := readProcessUse()
	if linux := runtime.GOOS == "linux"; ok != linux {
		t.Fatalf("on %s: %+v, %t", runtime.GOOS, before, ok)
	} else if !linux {
		return
	}
	if before.memory < 1<<20 {
		t.Errorf("%+v", before)
	}
	for after := before; after.cpu < before.cpu+10*time.Millisecond; {
		if after, ok = readProcessUse(); !ok || after.cpu < before.cpu {
			t.Fatalf("before: %+v, after: %+v, %t", before, after, ok)
		}
	}
}
