package server

import (
	"errors"
	"runtime"
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

// The ballast is asked for and not written, unless the file system refuses that.
func TestBallast(t *testing.T) {
	disk, dir := vfs.Default, t.TempDir()
	d, _, err := openDir(disk, dir, "n1")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := d.takeBallast(0); err != nil {
		t.Fatal(err)
	}
	if info, err := disk.Stat(d.sub(ballastFile)); err != nil || info.Size() != ballastBytes {
		t.Errorf("the ballast: %v, %v; want %d bytes", info, err, ballastBytes)
	}
	d.dropBallast()
	if _, err := disk.Stat(d.sub(ballastFile)); err == nil {
		t.Error("the ballast is still there")
	}

	for _, refused := range []error{nil, errors.ErrUnsupported} {
		f := &countingFile{refused: refused}
		if err := fillBallast(f); err != nil {
			t.Fatal(err)
		}
		want := [2]int{0, ballastBytes} // preallocated, written
		if refused == nil && runtime.GOOS == "linux" {
			want = [2]int{ballastBytes, 1}
		}
		if got := [2]int{f.preallocated, f.written}; got != want {
			t.Errorf("where Preallocate returns %v: %v bytes preallocated and written, want %v", refused, got, want)
		}
	}
}

// countingFile counts what is asked of a file.
type countingFile struct {
	vfs.File
	refused               error
	preallocated, written int
}

func (f *countingFile) Preallocate(_, n int64) error {
	if f.refused == nil {
		f.preallocated += int(n)
	}
	return f.refused
}

func (f *countingFile) Write(b []byte) (int, error) {
	f.written += len(b)
	return len(b), nil
}

func (f *countingFile) WriteAt(b []byte, _ int64) (int, error) { return f.Write(b) }
