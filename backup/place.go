package backup

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
)

const (
	placeFile     = "FIRN-BACKUPS"
	lockFile      = "LOCK"
	manifestsDir  = "backups"
	filesDir      = "files"
	unfinishedDir = "unfinished"

	placeFormat = 1
)

// Place is a directory of backups.
type Place struct {
	fs  vfs.FS
	dir string
}

// Open opens a place. Errors: ErrNotFound where there is none, ErrUnsupported
// where a later release made it.
func Open(fs vfs.FS, dir string) (*Place, error) {
	p := &Place{fs, dir}
	b, err := p.read(p.path(placeFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, firn.Errorf(firn.ErrNotFound, "%s holds no backups; firn backup %s takes one", dir, dir)
	}
	if err != nil {
		return nil, err
	}
	var is struct{ Format int }
	if err := json.Unmarshal(b, &is); err != nil {
		return nil, firn.Errorf(firn.ErrDamaged, "%s is not readable: %v", p.path(placeFile), err)
	}
	if is.Format != placeFormat {
		return nil, firn.Errorf(firn.ErrUnsupported, "the backups in %s have format %d; this release knows format %d: use a later release", dir, is.Format, placeFormat)
	}
	return p, nil
}

// Create is Open, and makes the place where the directory is empty or missing.
func Create(fs vfs.FS, dir string) (*Place, error) {
	p, err := Open(fs, dir)
	if !errors.Is(err, firn.ErrNotFound) {
		return p, err
	}
	p = &Place{fs, dir}
	if err := diskfs.MakeDir(fs, fs.PathDir(dir)); err != nil {
		return nil, err
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil { // for its owner alone
		return nil, err
	}
	names, err := fs.List(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !slices.Contains([]string{placeFile + ".new", manifestsDir, filesDir, unfinishedDir, lockFile}, name) {
			return nil, firn.Errorf(firn.ErrInvalid, "the directory %s holds %q and no backups; give backups a directory of their own", dir, name)
		}
	}
	for _, name := range []string{manifestsDir, filesDir} {
		if err := fs.MkdirAll(p.path(name), 0o700); err != nil {
			return nil, err
		}
	}
	// Its own file comes last: with it, the rest is there.
	if err := diskfs.SyncDir(fs, dir); err != nil {
		return nil, err
	}
	if err := p.write(p.path(placeFile+".new"), []byte("{\"format\":1}\n")); err != nil {
		return nil, err
	}
	if err := fs.Rename(p.path(placeFile+".new"), p.path(placeFile)); err != nil {
		return nil, err
	}
	return p, errors.Join(diskfs.SyncDir(fs, dir), diskfs.SyncDir(fs, fs.PathDir(dir)))
}

func (p *Place) path(names ...string) string {
	return p.fs.PathJoin(append([]string{p.dir}, names...)...)
}

func (p *Place) read(path string) ([]byte, error) {
	f, err := p.fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// write writes a new file, and syncs it.
func (p *Place) write(path string, b []byte) error {
	f, err := p.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// lock keeps a second process out for as long as a backup is taken or removed.
func (p *Place) lock() (io.Closer, error) {
	lock, err := p.fs.Lock(p.path(lockFile))
	if err != nil {
		return nil, firn.Errorf(firn.ErrUnavailable, "another process is at work in %s (%v); let it finish first", p.dir, err)
	}
	return lock, nil
}

// held returns the files that are there, by their SHA-256, and their sizes.
// What is not named so is none of ours.
func (p *Place) held() (map[Sum]int64, error) {
	names, err := p.fs.List(p.path(filesDir))
	if err != nil {
		return nil, err
	}
	held := make(map[Sum]int64, len(names))
	for _, name := range names {
		sum, ok := parseSum(name)
		if !ok {
			continue
		}
		stat, err := p.fs.Stat(p.path(filesDir, name))
		if err != nil {
			return nil, err
		}
		held[sum] = stat.Size()
	}
	return held, nil
}
