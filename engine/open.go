package engine

import (
	"errors"
	"fmt"
	"os"

	"github.com/cespare/xxhash/v2"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
	"github.com/firndb/firn/internal/planted"
)

// The files of an engine's directory.
const (
	dataDir  = "data" // Pebble's own
	lockFile = "LOCK" // held while the store is open
)

// DataDir is where in an engine's directory the files lie of which a checkpoint
// is made.
func DataDir(fs vfs.FS, engineDir string) string { return fs.PathJoin(engineDir, dataDir) }

// Open opens the store in a directory, and creates both where they are not
// there. An image that was received is put into the store's place first.
// Errors: ErrUnavailable where the directory is in use, ErrUnsupported where a
// later release wrote it, ErrDamaged.
func Open(dir string, o Options) (*Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if !o.ReadOnly {
		err = diskfs.MakeDir(o.FS, dir)
	} else if _, err = o.FS.Stat(dir); isNotExist(err) {
		err = firn.Errorf(firn.ErrDamaged, "the directory %s of the store is missing; restore this node from another replica or a backup", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	lock, err := o.FS.Lock(o.FS.PathJoin(dir, lockFile))
	if err != nil {
		return nil, firn.Errorf(firn.ErrUnavailable, "the store in %s is in use by another process (%v); stop that one, or give this one a directory of its own", dir, err)
	}
	e, err := open(dir, o)
	if err != nil {
		lock.Close()
		return nil, damage(err)
	}
	e.lock = lock
	e.failed.opened.Store(true)
	if e.failed.happened() != nil { // in the background, just now
		return nil, e.Close()
	}
	return e, nil
}

func open(dir string, o Options) (*Engine, error) {
	data := o.FS.PathJoin(dir, dataDir)
	if o.ReadOnly {
		var err error
		if data, err = readableDir(o.FS, dir); err != nil {
			return nil, err
		}
	} else if planted.Is(planted.ImageNotInPlace) { // and yet the log begins behind it
	} else if err := swapImage(o.FS, dir); err != nil {
		return nil, fmt.Errorf("engine: putting the image that was received in place: %w", err)
	}
	e := &Engine{
		fs: o.FS, data: data, readOnly: o.ReadOnly, knows: o.Knows, log: o.Logger,
		failed: newFailure(o.Logger, o.OnFatal, o.OnDamage),
		layers: newLayerCache(o.CacheBytes / layersShare),
		held:   make(chan struct{}, heldMax),
		closed: make(chan struct{}),
	}
	err := e.failed.guard(func() (err error) {
		settings := pebbleOptions(o.FS, data, o.CacheBytes/blocksShare, e.failed)
		settings.ReadOnly = o.ReadOnly
		if e.db, err = openPebble(data, settings); err != nil {
			return err
		}
		if err = e.begin(dir, o); err != nil {
			e.db.Close()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	e.publish()
	return e, nil
}

// begin reads what the store holds, and makes its directory durable.
func (e *Engine) begin(dir string, o Options) error {
	e.a = &applier{
		db: e.db, settings: o.Settings,
		p:      progress{first: 1},
		states: newStates(o.CacheBytes / statesShare),
		sum:    xxhash.New(),
		ids:    make(map[firn.ID]struct{}),
		names:  make(map[string]struct{}),
		ended:  make(map[string]uint64),
	}
	err := e.a.load()
	if err == nil && e.a.version > e.knows {
		err = firn.Errorf(firn.ErrUnsupported, "the store is at cluster version %d, this release knows %d; start it with the release that the other nodes run, or a later one", e.a.version, e.knows)
	}
	if err == nil {
		err = e.loadSwept()
	}
	if err == nil && !o.ReadOnly {
		err = diskfs.SyncDir(o.FS, dir)
	}
	return err
}

// load brings an applier to where the store's keys are.
func (a *applier) load() error {
	if err := a.loadFormat(); err != nil {
		return err
	}
	for _, key := range []struct {
		name string
		take func(key, value []byte) error
	}{
		{metaApplied, func(_, value []byte) (err error) { a.p, err = parseProgress(value); return err }},
		{metaSettings, func(_, value []byte) (err error) { a.settings, err = parseSettings(value); a.stored = true; return err }},
		{metaIdentity, func(_, value []byte) (err error) { a.identity, err = parseIdentity(value); return err }},
		{metaScavenged, func(key, value []byte) (err error) { a.scavenges, err = parseScavenges(key, value); return err }},
		{metaVersion, func(key, value []byte) (err error) { a.version, err = parseNumber(key, value); return err }},
	} {
		value, err := get(a.db, metaKey(key.name))
		if err == nil && value != nil {
			err = key.take(metaKey(key.name), value)
		}
		if err != nil {
			return err
		}
	}
	if a.p.index > 0 && !a.stored {
		return firn.Errorf(firn.ErrDamaged, "the store has applied entries up to index %d but holds no settings; restore this node from another replica or a backup", a.p.index)
	}
	if planted.Is(planted.AppliedTwice) && a.p.index > 1 { // the last entry is applied again
		a.p.index--
	}
	if planted.Is(planted.PositionReused) && a.p.head >= a.p.first { // the last position is given away again
		a.p.head--
	}
	a.window = newWindow(a.settings.Window)
	if err := a.loadLayers(); err != nil {
		return err
	}
	if err := a.loadDefinitions(); err != nil {
		return err
	}
	if err := a.loadGroups(); err != nil {
		return err
	}
	return a.loadTail()
}

// loadSwept reads how far this node has removed what is gone.
func (e *Engine) loadSwept() error {
	key := metaKey(metaSwept)
	value, err := get(e.db, key)
	if err != nil || value == nil {
		return err
	}
	p, err := parseNumber(key, value)
	e.swept.Store(p)
	return err
}

// loadFormat checks the version of the key space, and writes it into a store
// that is new.
func (a *applier) loadFormat() error {
	key := metaKey(metaFormat)
	value, err := get(a.db, key)
	if err != nil {
		return err
	}
	if value != nil {
		version, err := parseNumber(key, value)
		if err == nil && version != formatVersion {
			err = firn.Errorf(firn.ErrUnsupported, "the store has format %d; this release reads format %d, so start it with the release that wrote it", version, formatVersion)
		}
		return err
	}
	it, err := a.db.NewIter(nil)
	if err != nil {
		return err
	}
	empty := !it.First()
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return err
	}
	if !empty {
		return firn.Errorf(firn.ErrDamaged, "the store does not say which format it has; restore this node from another replica or a backup")
	}
	if err := a.db.Set(key, appendNumber(nil, formatVersion), pebble.NoSync); err != nil {
		return err
	}
	return a.db.Flush()
}

// loadLayers reads what is known of the sealed layers, and fills the window
// from the tables of those that it reaches.
func (a *applier) loadLayers() error {
	it, err := a.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixLayer}, UpperBound: []byte{prefixLayer + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	next := firn.Position(1)
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		s, _, _, err := parseSealed(it.Key(), value)
		if err != nil {
			return err
		}
		if s.number != uint32(len(a.sealed)) || s.first != next {
			return firn.Errorf(firn.ErrDamaged, "layer %d begins at position %d, but after layer %d comes position %d; restore this node from another replica or a backup",
				s.number, s.first, len(a.sealed)-1, next)
		}
		next = s.last + 1
		a.sealed = append(a.sealed, s)
	}
	if err := it.Error(); err != nil {
		return err
	}
	if a.p.layer != uint32(len(a.sealed)) || a.p.first != next {
		return firn.Errorf(firn.ErrDamaged, "the open layer should be number %d from position %d on, but there are %d sealed ones up to position %d; restore this node from another replica or a backup",
			a.p.layer, a.p.first, len(a.sealed), next-1)
	}
	for i := range a.sealed {
		if s := &a.sealed[i]; uint64(s.last)+a.settings.Window > uint64(a.p.head) {
			if err := a.loadWindow(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadWindow adds a sealed layer's events to the window.
func (a *applier) loadWindow(s *sealed) error {
	it, err := layerKeys(a.db, prefixIDs, s.number)
	if err != nil {
		return err
	}
	defer it.Close()
	var entries []idEntry
	found := 0
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if entries, err = parseIDs(entries[:0], it.Key(), value); err != nil {
			return err
		}
		for _, entry := range entries {
			if entry.kind() == idInStream {
				a.window.add(entry.hash, s.first+firn.Position(entry.place>>2))
				found++
			}
		}
	}
	if err := it.Error(); err != nil {
		return err
	}
	if found != s.count() {
		return firn.Errorf(firn.ErrDamaged, "layer %d has %d events, its table of ids %d; restore this node from another replica or a backup", s.number, s.count(), found)
	}
	return nil
}

// loadTail reads the open layer.
func (a *applier) loadTail() error {
	v, err := readOpen(a.db, a.p.layer, a.p.first, int(a.p.head-a.p.first+1))
	if err != nil {
		return err
	}
	if a.tail, err = tailOf(v); err != nil {
		return err
	}
	for _, entry := range a.tail.ids {
		if entry.kind() == idInStream {
			a.window.add(entry.hash, a.tail.first+firn.Position(entry.place>>2))
		}
	}
	if planted.Is(planted.DedupForgotten) { // what was appended before the start is not recognised
		a.window = newWindow(a.settings.Window)
	}
	return nil
}

func isNotExist(err error) bool { return errors.Is(err, os.ErrNotExist) }
