package server

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn/internal/diskfs"
)

// A node that was set up in a new directory still has it after a power loss. (Its
// files were synced, and the directory's own name was not: everything that had
// been acknowledged was gone with it.)
func TestNewDirectoryIsDurable(t *testing.T) {
	for _, made := range []bool{false, true} {
		disk := vfs.NewCrashableMem()
		if made { // by an earlier start, which ended at once
			if err := diskfs.MakeDir(disk, "a/b"); err != nil {
				t.Fatal(err)
			}
			if err := disk.MkdirAll("a/b/c", 0o755); err != nil {
				t.Fatal(err)
			}
		}
		d, fresh, err := openDir(disk, "a/b/c", "n1")
		if err != nil || !fresh {
			t.Fatal(fresh, err)
		}
		if err := d.claim("n1", made); err != nil {
			t.Fatal(err)
		}
		again, fresh, err := openDir(disk.CrashClone(vfs.CrashCloneCfg{}), "a/b/c", "n1")
		if err != nil || fresh {
			t.Errorf("after the power loss the directory is fresh: %t, %v", fresh, err)
		} else if again.replica != made {
			t.Errorf("after the power loss it is of a replica: %t", again.replica)
		}
		if err == nil {
			err = again.close()
		}
		if err != nil {
			t.Error(err)
		}
	}
}
