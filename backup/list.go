package backup

import (
	"cmp"
	"slices"

	"github.com/firndb/firn"
)

// Listed is a backup of a place. Err says why its manifest cannot be read; then
// there is nothing else but its name.
type Listed struct {
	Manifest
	Err error
}

// List returns the backups of a place, the oldest first.
func (p *Place) List() ([]Listed, error) {
	names, err := p.fs.List(p.path(manifestsDir))
	if err != nil {
		return nil, err
	}
	var list []Listed
	for _, name := range names {
		if !validName.MatchString(name) {
			continue
		}
		m, err := p.manifest(name)
		if err != nil {
			list = append(list, Listed{Manifest{Name: name}, err})
			continue
		}
		list = append(list, Listed{*m, nil})
	}
	slices.SortFunc(list, func(a, b Listed) int {
		if c := a.Taken.Compare(b.Taken); c != 0 && a.Err == nil && b.Err == nil {
			return c
		}
		return cmp.Compare(a.Name, b.Name)
	})
	return list, nil
}

// Find returns the backup with a name, for "" the newest. Errors: ErrNotFound,
// ErrDamaged, ErrUnsupported.
func (p *Place) Find(name string) (*Manifest, error) {
	list, err := p.List()
	if err != nil {
		return nil, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if b := &list[i]; b.Name == name || name == "" {
			return &b.Manifest, b.Err
		}
	}
	if name == "" {
		return nil, firn.Errorf(firn.ErrNotFound, "%s holds no finished backup; firn backup %s takes one", p.dir, p.dir)
	}
	return nil, firn.Errorf(firn.ErrNotFound, "%s holds no backup %.100q; firn backup %s --list shows those that it holds", p.dir, name, p.dir)
}

func (p *Place) manifest(name string) (*Manifest, error) {
	path := p.path(manifestsDir, name)
	stat, err := p.fs.Stat(path)
	if err != nil {
		return nil, err
	}
	if stat.Size() > manifestBytesMax {
		return nil, firn.Errorf(firn.ErrDamaged, "%s has %d bytes, which no manifest has", path, stat.Size())
	}
	b, err := p.read(path)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(b)
	if err == nil && m.Name != name {
		err = firn.Errorf(firn.ErrDamaged, "the manifest says that it is %q", m.Name)
	}
	if err != nil {
		return nil, firn.Errorf(kindOf(err), "%s: %v", path, err)
	}
	return m, nil
}

func kindOf(err error) firn.Kind {
	if e, ok := err.(*firn.Error); ok {
		return e.Kind
	}
	return firn.ErrInternal
}
