package scrub

import "github.com/cockroachdb/pebble/v2/vfs"

// FS is a file system whose files are read at a pace.
func FS(fs vfs.FS, pace Pace) vfs.FS {
	if pace == nil {
		return fs
	}
	return pacedFS{fs, pace}
}

type pacedFS struct {
	vfs.FS
	pace Pace
}

func (p pacedFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := p.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return pacedFile{f, p.pace}, nil
}

// Unwrap returns the file system below.
func (p pacedFS) Unwrap() vfs.FS { return p.FS }

type pacedFile struct {
	vfs.File
	pace Pace
}

func (f pacedFile) Read(p []byte) (int, error) {
	if err := f.pace(len(p)); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

func (f pacedFile) ReadAt(p []byte, at int64) (int, error) {
	if err := f.pace(len(p)); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, at)
}
