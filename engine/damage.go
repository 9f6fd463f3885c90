package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/diskfs"
)

// unreadable notes blocks that Pebble itself finds damaged; other errors are
// handed back. last is the last key that could be read.
func (v *verifier) unreadable(last []byte, err error) error {
	if !pebble.IsCorruptionError(err) {
		return err
	}
	text, stream, first := "Pebble cannot read its files: "+fileAndDetails(err), "", firn.Position(0)
	if s := v.within; s != nil {
		first = s.first
		text += fmt.Sprintf("; it concerns layer %d, positions %d to %d", s.number, s.first, s.last)
		if _, name, revision, ok := parseEventKey(last); ok {
			stream = string(name)
			text += fmt.Sprintf(", what lies behind %s@%d", name, revision)
		}
	}
	return v.fault(10, last, stream, first, "%s", text)
}

// damage makes an error of Pebble's about what it found on disk one of Firn's.
func damage(err error) error {
	if err == nil || !pebble.IsCorruptionError(err) {
		return err
	}
	return firn.Errorf(firn.ErrDamaged, "the store's files are damaged: %s; restore this node from another replica or a backup", fileAndDetails(err))
}

// fileAndDetails says which file is damaged, what it holds, and how it shows.
func fileAndDetails(err error) string {
	info := pebble.ExtractDataCorruptionInfo(err)
	if info == nil {
		return err.Error()
	}
	return describeDamage(info)
}

func describeDamage(info *pebble.DataCorruptionInfo) string {
	text := fmt.Sprintf("%s: %v", info.Path, info.Details)
	if b := &info.Bounds; len(b.Start) > 0 && len(b.End.Key) > 0 {
		text += fmt.Sprintf(" (the file holds %s to %s)", describeKey(b.Start), describeKey(b.End.Key))
	}
	return text
}

// describeKey says in words what lies under a key.
func describeKey(key []byte) string {
	if layer, name, revision, ok := parseEventKey(key); ok {
		return fmt.Sprintf("%s@%d of layer %d", name, revision, layer)
	}
	rest := key[1:]
	switch key[0] {
	case prefixIDs, prefixLayer, prefixChunk:
		if len(rest) >= 4 {
			return fmt.Sprintf("%c of layer %d", key[0], binary.BigEndian.Uint32(rest))
		}
	case prefixIndex, prefixLife, prefixSnapshots, prefixSnapshot, prefixGroup:
		if name, _, ok := bytes.Cut(rest, []byte{0}); ok {
			return fmt.Sprintf("%c of %s", key[0], name)
		}
	}
	return fmt.Sprintf("key %q", key)
}

// openDamage tells what Pebble says when it cannot open a store.
func openDamage(err error) error {
	if pebble.IsCorruptionError(err) || diskfs.Refused(err) {
		return damage(err)
	}
	return firn.Errorf(firn.ErrDamaged, "the store's files are damaged: %v; restore this node from another replica or a backup", err)
}
