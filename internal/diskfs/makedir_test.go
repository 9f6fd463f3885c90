package diskfs

import (
	"errors"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// A directory that cannot be looked at may not be there: it is not made without
// the sync of its name.
func TestMakeDirCannotLook(t *testing.T) {
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpStat && op.Path == "a" {
			return syscall.EIO
		}
		return nil
	}))
	if err := MakeDir(fs, "a/b"); !errors.Is(err, syscall.EIO) {
		t.Errorf("%v, want %v", err, syscall.EIO)
	}
}
