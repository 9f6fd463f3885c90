package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
)

// Copy copies a backup's files to a directory of another file system, which is
// made, and verifies each as it is copied. All of it is durable on return.
// progress is told how many bytes are done. Errors: ErrDamaged where a file is
// missing, or is not what was backed up.
func (p *Place) Copy(ctx context.Context, m *Manifest, to vfs.FS, dir string, progress func(done int64)) error {
	if err := to.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	done := int64(0)
	for i := range m.Files {
		f := &m.Files[i]
		path := to.PathJoin(dir, f.Name)
		w, err := to.Create(path, vfs.WriteCategoryUnspecified)
		if err != nil {
			return err
		}
		err = p.check(ctx, f, w, func(bytes int64) { done += bytes; progress(done) })
		if err == nil {
			err = w.Sync()
		}
		if err := errors.Join(err, w.Close()); err != nil {
			return err
		}
	}
	return diskfs.SyncDir(to, dir)
}

// Link is Copy for files that are only looked at, as long as the place is there:
// they are not copied where the file system can lead to others.
func (p *Place) Link(ctx context.Context, m *Manifest, to vfs.FS, dir string) error {
	if p.fs != vfs.Default || to != vfs.Default {
		return p.Copy(ctx, m, to, dir, func(int64) {})
	}
	if err := to.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for i := range m.Files {
		f := &m.Files[i]
		from, err := filepath.Abs(p.path(filesDir, f.Sum.String()))
		if err == nil {
			_, err = os.Stat(from)
		}
		if errors.Is(err, os.ErrNotExist) {
			return firn.Errorf(firn.ErrDamaged, "the file %s (%s) is missing", from, f.Name)
		}
		if err != nil {
			return err
		}
		path := to.PathJoin(dir, f.Name)
		if os.Symlink(from, path) == nil {
			continue
		}
		if err := vfs.Copy(to, from, path); err != nil {
			return err
		}
	}
	return nil
}

// Verify reads every file of the place's backups once, compares it with their
// manifests, and opens each backup as a store. progress is told how many bytes of
// how many are done. faults is what is wrong, in words; the error says why
// verifying could not go on.
func (p *Place) Verify(ctx context.Context, progress func(done, total int64)) (list []Listed, faults []string, err error) {
	lock, err := p.lock()
	if err != nil {
		return nil, nil, err
	}
	defer lock.Close()
	if list, err = p.List(); err != nil {
		return nil, nil, err
	}
	total := int64(0)
	once := map[Sum]bool{}
	for i := range list {
		if list[i].Err != nil {
			faults = append(faults, list[i].Err.Error())
			continue
		}
		for _, f := range list[i].Files {
			if !once[f.Sum] {
				once[f.Sum] = true
				total += f.Bytes
			}
		}
	}
	done, bad := int64(0), map[Sum]bool{}
	for i := range list {
		whole := list[i].Err == nil
		for j := range list[i].Files {
			f := &list[i].Files[j]
			if once[f.Sum] {
				once[f.Sum] = false
				err := p.check(ctx, f, io.Discard, func(bytes int64) { done += bytes; progress(done, total) })
				if err != nil && kindOf(err) != firn.ErrDamaged {
					return list, faults, err
				}
				if err != nil {
					bad[f.Sum] = true
					faults = append(faults, list[i].Name+": "+err.Error())
				}
			}
			whole = whole && !bad[f.Sum]
		}
		if !whole {
			continue
		}
		if _, err := p.tryOut(&list[i].Manifest); err != nil && kindOf(err) != firn.ErrDamaged {
			return list, faults, err
		} else if err != nil {
			faults = append(faults, list[i].Name+": "+err.Error())
		}
	}
	return list, faults, p.fs.RemoveAll(p.path(unfinishedDir))
}

// check copies one file to w, and compares it with what the manifest says.
func (p *Place) check(ctx context.Context, f *File, w io.Writer, progress func(bytes int64)) error {
	path := p.path(filesDir, f.Sum.String())
	from, err := p.fs.Open(path, vfs.SequentialReadsOption)
	if errors.Is(err, os.ErrNotExist) {
		return firn.Errorf(firn.ErrDamaged, "the file %s (%s) is missing", path, f.Name)
	}
	if err != nil {
		return err
	}
	defer from.Close()
	hash := sha256.New()
	buffer := make([]byte, 1<<20)
	bytes := int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := from.Read(buffer)
		hash.Write(buffer[:n]) // first: a vfs.File may change the bytes that it is given
		bytes += int64(n)
		if _, err := w.Write(buffer[:n]); err != nil {
			return err
		}
		progress(int64(n))
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if sum := Sum(hash.Sum(nil)); sum != f.Sum || bytes != f.Bytes {
		return firn.Errorf(firn.ErrDamaged, "the file %s (%s) is damaged: it has %d bytes and SHA-256 %v, backed up were %d bytes", path, f.Name, bytes, sum, f.Bytes)
	}
	return nil
}
