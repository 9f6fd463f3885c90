package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/internal/diskfs"
)

// RestoreOptions say what is restored. Dir, Fill and Progress must be set.
type RestoreOptions struct {
	Dir string // the data directory to make; it is empty, or does not exist

	// Fill puts the files of a store into a directory, which exists, and makes
	// them durable.
	Fill func(dir string) error

	// At cuts the store back to a position, which must be the end of an append,
	// or a moment. The zero point restores it whole.
	At firn.Point

	// Before puts the files of an older copy into a directory, for as long as
	// Restore runs: one that holds nothing behind At. Consumer groups then begin
	// where they stood in it. nil: there is none, and they stand where they stood
	// in the store, at the cut at most.
	Before func(dir string) error

	// Progress is told how many of how many events were verified.
	Progress func(done, total uint64)
}

// Restored is a store that was restored.
type Restored struct {
	Position         firn.Position // its last event
	Events, Streams  uint64        // that it holds, the system's counted in
	Cluster, History firn.ID       // the history is new
	Before           firn.ID       // the history of what was restored, which it shares up to Position
}

// errTaken refuses a directory in which something lies.
func errTaken(dir, what string) error {
	return firn.Errorf(firn.ErrInvalid, "%s holds %q already, and a restore overwrites nothing; name a directory that is empty or does not exist", dir, what)
}

// CheckRestore says why a directory cannot be restored to, or nil.
func CheckRestore(dir string) error {
	fs := vfs.Default
	stat, err := fs.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !stat.IsDir() {
		return firn.Errorf(firn.ErrInvalid, "%s is a file; name a directory that is empty or does not exist", dir)
	}
	names, err := fs.List(dir)
	if err == nil && len(names) > 0 {
		err = errTaken(dir, names[0])
	}
	return err
}

// Restore makes the data directory of a node out of a store's files. It begins a
// new history, verifies every invariant, and makes all of it durable; only then
// is the directory there under its name, so that a restore that was cut off
// leaves nothing but a directory beside it, which the next one removes. The node
// is then started with itself as the only member of its cluster.
//
// Errors: ErrInvalid where the directory holds something, ErrDamaged where the
// files are no store, or one that does not hold what it should.
func Restore(ctx context.Context, o RestoreOptions) (Restored, error) {
	fs := vfs.Default
	if err := CheckRestore(o.Dir); err != nil {
		return Restored{}, err
	}
	work := o.Dir + ".restoring"
	if err := diskfs.MakeDir(fs, work); err != nil {
		return Restored{}, err
	}
	lock, err := fs.Lock(fs.PathJoin(work, lockFile))
	if err != nil {
		return Restored{}, firn.Errorf(firn.ErrUnavailable, "another process is restoring to %s (%v); let it finish first", o.Dir, err)
	}
	defer lock.Close()
	done, err := restore(ctx, fs, work, &o)
	if err != nil {
		return Restored{}, errors.Join(err, fs.RemoveAll(work))
	}
	if err := fs.Remove(o.Dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return Restored{}, err // it is not empty any more
	}
	if err := fs.Rename(work, o.Dir); err != nil {
		return Restored{}, err
	}
	return done, diskfs.SyncDir(fs, fs.PathDir(o.Dir))
}

func restore(ctx context.Context, fs vfs.FS, work string, o *RestoreOptions) (done Restored, err error) {
	d := &dataDir{fs: fs, path: work}
	for _, name := range []string{engineDir, restoredFile, beforeDir} {
		if err := fs.RemoveAll(d.sub(name)); err != nil {
			return done, err
		}
	}
	data := engine.DataDir(fs, d.sub(engineDir))
	if err := fs.MkdirAll(data, 0o755); err != nil {
		return done, err
	}
	if err := o.Fill(data); err != nil {
		return done, err
	}
	if err := errors.Join(diskfs.SyncDir(fs, d.sub(engineDir)), diskfs.SyncDir(fs, work)); err != nil {
		return done, err
	}
	if !o.At.IsZero() {
		if err := cutBack(fs, d, o); err != nil {
			return done, damaged("the store", err)
		}
	}
	var fatal error
	e, err := engine.Open(d.sub(engineDir), engine.Options{FS: fs, OnFatal: func(err error) { fatal = err }})
	if err != nil {
		return done, damaged("the store", err)
	}
	at, err := beginHistory(e, &done)
	if err == nil {
		err = verifyRestored(ctx, e, o.Progress, &done)
	}
	if err = errors.Join(err, e.Close(), fatal); err != nil {
		return done, damaged("the store", err)
	}
	b, err := json.Marshal(at)
	if err != nil {
		return done, err
	}
	if err := d.write(restoredFile, append(b, '\n')); err != nil {
		return done, err
	}
	return done, d.sync()
}

// cutBack takes the store back to a point in time.
func cutBack(fs vfs.FS, d *dataDir, o *RestoreOptions) error {
	options := engine.Options{FS: fs}
	e, err := engine.Open(d.sub(engineDir), options)
	if err != nil {
		return err
	}
	to, _, err := e.Resolve(o.At, time.Now())
	if head, _ := e.Head(); err == nil && o.At.Kind() == firn.PointPosition && o.At.Position() > head {
		err = firn.Errorf(firn.ErrInvalid, "the store ends at position %d; it cannot be restored as of %d", head, o.At.Position())
	}
	if err = errors.Join(err, e.Close()); err != nil {
		return err
	}
	var then *engine.Groups
	if o.Before != nil {
		before := d.sub(beforeDir)
		if err := o.Before(before); err != nil {
			return err
		}
		if then, err = engine.ReadGroups(fs, before); err != nil {
			return err
		}
		if err := fs.RemoveAll(before); err != nil {
			return err
		}
	}
	return engine.Cut(d.sub(engineDir), options, to, then)
}

// beforeDir is where, in the directory that becomes the node's, an older copy
// lies while it is looked at.
const beforeDir = "before"

// beginHistory gives the store a new history, as an entry of its log would.
func beginHistory(e *engine.Engine, done *Restored) (at restoredStore, err error) {
	return beginHistoryBehind(e, 0, 0, done)
}

// beginHistoryBehind does so behind an entry that the log holds and the engine
// need not know.
func beginHistoryBehind(e *engine.Engine, index, term uint64, done *Restored) (at restoredStore, err error) {
	if applied, in := e.Applied(); applied >= index {
		index, term = applied, max(in, term)
	}
	cluster, history := e.Identity()
	if index == 0 || cluster == ([16]byte{}) {
		return at, firn.Errorf(firn.ErrInvalid, "the store is empty: no cluster has begun in it")
	}
	found := command.Found{Cluster: cluster}
	rand.Read(found.History[:]) // never fails, see crypto/rand
	at = restoredStore{Format: dirFormat, Index: index + 1, Term: term}
	entry := command.AppendEntry(nil, 0, command.AppendItem(nil, &found))
	if _, err := e.Apply([]engine.Entry{{Index: at.Index, Term: at.Term, Data: entry}}); err != nil {
		return at, err
	}
	done.Cluster, done.History, done.Before = found.Cluster, found.History, history
	done.Position, _ = e.Head()
	_, _, err = e.Flush()
	return at, err
}

func verifyRestored(ctx context.Context, e *engine.Engine, progress func(done, total uint64), done *Restored) error {
	report, err := e.Verify(ctx, progress)
	if err != nil {
		return err
	}
	done.Events, done.Streams = report.Events, report.Streams
	if len(report.Faults) > 0 {
		return firn.Errorf(firn.ErrDamaged, "it does not hold what it should: %v (and %d more)", report.Faults[0], len(report.Faults)-1)
	}
	return nil
}
