package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/internal/diskfs"
)

// Taking is a backup that is being taken. It holds the place's lock.
type Taking struct {
	place *Place
	lock  io.Closer
	held  map[Sum]int64

	Copied int64 // bytes of files that were new here, so far
	Shared int64 // bytes of files that were here before, so far
}

// Take begins a backup. What an earlier attempt has left unfinished is removed.
// Errors: ErrUnavailable where another process is taking one.
func (p *Place) Take() (*Taking, error) {
	lock, err := p.lock()
	if err != nil {
		return nil, err
	}
	t := &Taking{place: p, lock: lock}
	if err = p.fs.RemoveAll(p.path(unfinishedDir)); err == nil {
		t.held, err = p.held()
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return t, nil
}

// Close ends the backup, finished or not.
func (t *Taking) Close() error {
	return errors.Join(t.place.fs.RemoveAll(t.place.path(unfinishedDir)), t.lock.Close())
}

// Held returns the files that need not be sent, with their sizes. It is not to
// be changed.
func (t *Taking) Held() map[Sum]int64 { return t.held }

// Source says what an image does not: where it comes from.
type Source struct {
	Node, Release string
	Taken         time.Time
}

// Receive takes an image, and returns the manifest of the backup that it has
// become: it is durable, and was opened as a store once. progress is told how
// many bytes of its files are here. Errors: ErrDamaged where the bytes are not
// those of an image, ErrInvalid where the place holds another cluster's backups,
// and what the disk answers. Nothing but whole files is left then.
func (t *Taking) Receive(ctx context.Context, image io.Reader, from Source, progress func(done int64)) (*Manifest, error) {
	p := t.place
	if err := p.fs.MkdirAll(p.path(unfinishedDir), 0o700); err != nil {
		return nil, err
	}
	m := &Manifest{Node: from.Node, Release: from.Release, Taken: from.Taken}
	info, err := engine.ReadImage(image, func(f *engine.ImageFile) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !f.Held {
			f.Body = &counted{f.Body, t.Copied + t.Shared, progress}
		}
		if err := t.file(f); err != nil {
			return err
		}
		progress(t.Copied + t.Shared)
		m.Files = append(m.Files, File{f.Name, f.Bytes, f.Sum})
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.Index, m.Term, m.Position, m.Chain = info.Index, info.Term, info.Head, info.Chain
	m.Cluster, m.History = info.Cluster, info.History
	if err := t.fits(m); err != nil {
		return nil, err
	}
	if err := diskfs.SyncDir(p.fs, p.path(filesDir)); err != nil {
		return nil, err
	}
	if m.Time, err = p.tryOut(m); err != nil {
		return nil, err
	}
	if err := t.keep(m); err != nil {
		return nil, err
	}
	return m, p.sweep()
}

// counted is a file's body of which somebody is told how much has come.
type counted struct {
	io.Reader
	done int64
	tell func(done int64)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.done += int64(n)
	c.tell(c.done)
	return n, err
}

// file takes one file.
func (t *Taking) file(f *engine.ImageFile) error {
	p := t.place
	if f.Held {
		if size, held := t.held[f.Sum]; !held || size != f.Bytes {
			return firn.Errorf(firn.ErrDamaged, "the image leaves out its file %s of %d bytes, which is not here (SHA-256 %x); take the backup again", f.Name, f.Bytes, f.Sum)
		}
		t.Shared += f.Bytes
		return nil
	}
	draft := p.path(unfinishedDir, f.Name)
	if err := f.Save(p.fs, draft); err != nil {
		return err
	}
	t.Copied += f.Bytes
	t.held[f.Sum] = f.Bytes
	return p.fs.Rename(draft, p.path(filesDir, Sum(f.Sum).String()))
}

// fits refuses a backup of another cluster than those that are here.
func (t *Taking) fits(m *Manifest) error {
	list, err := t.place.List()
	if err != nil {
		return err
	}
	for _, other := range list {
		if other.Err == nil && other.Cluster != m.Cluster {
			return firn.Errorf(firn.ErrInvalid, "%s holds backups of cluster %v, and this is cluster %v; give its backups a directory of their own", t.place.dir, other.Cluster, m.Cluster)
		}
	}
	return nil
}

// keep writes the manifest, with which the backup is there.
func (t *Taking) keep(m *Manifest) error {
	p := t.place
	base := m.Taken.UTC().Format(nameLayout)
	m.Name = base
	for n := 2; ; n++ {
		if _, err := p.fs.Stat(p.path(manifestsDir, m.Name)); errors.Is(err, os.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
		m.Name = fmt.Sprintf("%s-%d", base, n)
	}
	draft := p.path(unfinishedDir, "manifest")
	if err := p.write(draft, m.append(nil)); err != nil {
		return err
	}
	if err := p.fs.Rename(draft, p.path(manifestsDir, m.Name)); err != nil {
		return err
	}
	return diskfs.SyncDir(p.fs, p.path(manifestsDir))
}

// tryOut opens a backup's files as a store, without changing them, compares
// what it holds with the manifest, and returns the time of its last event.
func (p *Place) tryOut(m *Manifest) (last time.Time, err error) {
	dir := p.path(unfinishedDir, "store")
	if err := p.fs.MkdirAll(dir, 0o700); err != nil {
		return last, err
	}
	defer func() { err = errors.Join(err, p.fs.RemoveAll(dir)) }()
	for i := range m.Files {
		f := &m.Files[i]
		from, to := p.path(filesDir, f.Sum.String()), p.fs.PathJoin(dir, f.Name)
		if p.fs.Link(from, to) == nil {
			continue
		}
		if err := vfs.Copy(p.fs, from, to); err != nil { // a file system without links
			return last, err
		}
	}
	info, last, err := engine.LookInto(p.fs, dir)
	if err != nil {
		return last, firn.Errorf(firn.ErrDamaged, "the files of the backup make no store (%v); firn backup %s --verify names those that are damaged: remove them, and take it again", err, p.dir)
	}
	if info.Index != m.Index || info.Head != m.Position || info.Chain != m.Chain || firn.ID(info.Cluster) != m.Cluster || firn.ID(info.History) != m.History {
		return last, firn.Errorf(firn.ErrDamaged, "the backup is said to go up to index %d (position %d, chain %016x), its files go up to %d (position %d, chain %016x); take it again",
			m.Index, m.Position, m.Chain, info.Index, info.Head, info.Chain)
	}
	return last, nil
}

// sweep removes files that no manifest names. Where one cannot be read, all
// stay.
func (p *Place) sweep() error {
	list, err := p.List()
	if err != nil {
		return err
	}
	named := map[Sum]bool{}
	for _, b := range list {
		if b.Err != nil {
			return nil
		}
		for i := range b.Files {
			named[b.Files[i].Sum] = true
		}
	}
	held, err := p.held()
	if err != nil {
		return err
	}
	for sum := range held {
		if !named[sum] {
			if err := p.fs.Remove(p.path(filesDir, sum.String())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Keep removes all backups but the newest ones, and the files that only they
// had. It returns the names of those that went. The place must be locked by t.
func (t *Taking) Keep(newest int) (gone []string, err error) {
	p := t.place
	list, err := p.List()
	if err != nil || newest < 1 || len(list) <= newest {
		return nil, err
	}
	for _, b := range slices.Clone(list)[:len(list)-newest] {
		if err := p.fs.Remove(p.path(manifestsDir, b.Name)); err != nil {
			return gone, err
		}
		gone = append(gone, b.Name)
	}
	if err := diskfs.SyncDir(p.fs, p.path(manifestsDir)); err != nil {
		return gone, err
	}
	return gone, p.sweep()
}
