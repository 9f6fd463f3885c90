package engine

import (
	"context"
	"errors"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/scrub"
)

// Scrub reads all that the store has on disk, at the given pace and past every
// cache, and checks it: each block of each table, and then every invariant, as
// [Engine.Verify] does. It works on a copy of hard links in a directory that must
// not exist yet, and removes it: meanwhile files that the store has rewritten
// keep their space. Damage is in the report; the error says only why scrubbing
// could not go on.
func (e *Engine) Scrub(ctx context.Context, dir string, pace scrub.Pace) (report Report, err error) {
	defer func() { err = errors.Join(err, e.fs.RemoveAll(dir)) }()
	if err := e.fs.RemoveAll(dir); err != nil {
		return Report{}, err
	}
	var tables []Fault
	if err = e.checkpoint(dir); err == nil {
		tables, err = e.scrubTables(ctx, dir, pace)
	}
	if err == nil {
		report, err = e.scrubKeys(ctx, dir, pace)
	}
	if errors.Is(err, firn.ErrDamaged) {
		tables, err = append(tables, Fault{Invariant: 10, Text: err.Error()}), nil
	}
	report.Faults = append(tables, report.Faults...)
	for i := range report.Faults { // the copy's files are the store's
		report.Faults[i].Text = strings.ReplaceAll(report.Faults[i].Text, dir, e.data)
	}
	return report, err
}

// scrubTables checks every block of every table of a copy.
func (e *Engine) scrubTables(ctx context.Context, dir string, pace scrub.Pace) (faults []Fault, err error) {
	names, err := e.fs.List(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := e.interrupted(ctx); err != nil {
			return nil, err
		}
		err := checkTable(e.fs, dir, name, pace)
		if pebble.IsCorruptionError(err) {
			faults = append(faults, Fault{Invariant: 10, Text: errDamagedTable(e.fs.PathJoin(dir, name), err).Error()})
		} else if err != nil {
			return nil, err
		}
	}
	return faults, nil
}

// scrubKeys checks every invariant of a copy.
func (e *Engine) scrubKeys(ctx context.Context, dir string, pace scrub.Pace) (report Report, err error) {
	db, err := openCopy(scrub.FS(e.fs, pace), dir)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	snapshot := db.NewSnapshot()
	defer snapshot.Close()
	return e.verify(ctx, snapshot, nil)
}

// checkTable reads every block of a file, where that is a table.
func checkTable(fs vfs.FS, dir, name string, pace scrub.Pace) error {
	if !scrub.IsTable(name) {
		return nil
	}
	return scrub.Table(fs, fs.PathJoin(dir, name), pebbleOptions(fs, dir, 0, unheard()), pace)
}

func errDamagedTable(path string, err error) error {
	return firn.Errorf(firn.ErrDamaged, "the store's files are damaged: %s: %v; restore this node from another replica or a backup", path, err)
}
