package server

import (
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// files are what lies on a disk, by path.
type files map[string][]byte

// snapshotOf reads everything below a directory.
func snapshotOf(t testing.TB, fs vfs.FS, dir string) files {
	t.Helper()
	all := files{}
	var walk func(dir string)
	walk = func(dir string) {
		names, err := fs.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			at := fs.PathJoin(dir, name)
			info, err := fs.Stat(at)
			if err != nil {
				t.Fatal(err)
			}
			if info.IsDir() {
				walk(at)
				continue
			}
			f, err := fs.Open(at)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(f)
			if err := errors.Join(err, f.Close()); err != nil {
				t.Fatal(err)
			}
			all[at] = b
		}
	}
	walk(dir)
	return all
}

// disk returns a new disk with the files on it.
func (all files) disk(t testing.TB) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	for name, b := range all {
		if err := fs.MkdirAll(path.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
		if err == nil {
			_, err = f.Write(slices.Clone(b)) // it keeps what it is given
			err = errors.Join(err, f.Sync(), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return fs
}

// kindOf is what sort of file of a node's directory a path is.
func kindOf(name string) string {
	base := path.Base(name)
	kind := base
	switch {
	case strings.HasSuffix(base, ".sst"):
		kind = "table"
	case strings.HasSuffix(base, ".log"):
		kind = "write-ahead log"
	case strings.HasPrefix(base, "MANIFEST"), strings.HasPrefix(base, "OPTIONS"):
		kind, _, _ = strings.Cut(base, "-")
	}
	switch dir := path.Base(path.Dir(name)); dir {
	case raftDir:
		return "raft/ " + kind
	case "data", "incoming":
		return "engine/" + dir + " " + kind
	case engineDir:
		return "engine/ " + kind
	}
	return kind
}

// tracer is a disk that notes which bytes of which file are read.
type tracer struct {
	vfs.FS
	mu   sync.Mutex
	read map[string][]bool
}

func (d *tracer) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := d.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return &tracedFile{File: f, of: d, name: name}, nil
}

type tracedFile struct {
	vfs.File
	of   *tracer
	name string
	at   int64
}

func (f *tracedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.of.note(f.name, f.at, n)
	f.at += int64(n)
	return n, err
}

func (f *tracedFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	f.of.note(f.name, at, n)
	return n, err
}

func (d *tracer) note(name string, at int64, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	read := d.read[name]
	if end := int(at) + n; end > len(read) {
		read = append(read, make([]bool, end-len(read))...)
	}
	for i := range n {
		read[int(at)+i] = true
	}
	d.read[name] = read
}

// rot chooses where bits flip: nine times of ten in a byte that was read, else
// anywhere. Each sort of file is chosen about as often as its weight says.
type rot struct {
	all   files
	kinds []string
	names map[string][]string // by kind
	reach map[string][]int    // the bytes of a file that are read
	total int                 // of the weights
}

// weights of the sorts of files that are not one: what holds more is hit more.
var rotWeights = map[string]int{
	"engine/data table": 30, "raft/ table": 10, "raft/ write-ahead log": 20, "engine/incoming table": 10,
	"engine/data MANIFEST": 6, "raft/ MANIFEST": 6,
}

func weightOf(kind string) int { return max(1, rotWeights[kind]) }

func newRot(all files, read map[string][]bool) *rot {
	r := &rot{all: all, names: map[string][]string{}, reach: map[string][]int{}}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(all[name]) == 0 {
			continue // a lock or a marker: there is no bit in it
		}
		for at := range all[name] {
			if at < len(read[name]) && read[name][at] {
				r.reach[name] = append(r.reach[name], at)
			}
		}
		r.names[kindOf(name)] = append(r.names[kindOf(name)], name)
	}
	r.kinds = slices.Sorted(maps.Keys(r.names))
	for _, kind := range r.kinds {
		r.total += weightOf(kind)
	}
	return r
}

// flip is one flipped bit.
type flip struct {
	name    string
	at, bit int
	reached bool // the byte is one that is read
}

func (r *rot) choose(random *rand.Rand) flip {
	n := random.IntN(r.total)
	kind := ""
	for _, kind = range r.kinds {
		if n -= weightOf(kind); n < 0 {
			break
		}
	}
	names := r.names[kind]
	live := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return len(r.reach[name]) == 0 })
	f := flip{bit: random.IntN(8)}
	if len(live) > 0 && random.IntN(10) > 0 {
		f.name = live[random.IntN(len(live))]
		f.at, f.reached = r.reach[f.name][random.IntN(len(r.reach[f.name]))], true
		return f
	}
	f.name = names[random.IntN(len(names))]
	f.at = random.IntN(len(r.all[f.name]))
	_, f.reached = slices.BinarySearch(r.reach[f.name], f.at)
	return f
}

// with returns the files with the bit flipped.
func (r *rot) with(f flip) files {
	all := maps.Clone(r.all)
	b := slices.Clone(all[f.name])
	b[f.at] ^= 1 << f.bit
	all[f.name] = b
	return all
}
