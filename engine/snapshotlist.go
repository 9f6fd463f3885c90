package engine

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/firndb/firn"
)

// snapshotList says which snapshots of one stream are kept. It is one value, so
// that apply finds what to thin out without reading a state.
//
//	version    1
//	folds      uvarint count, then each:
//	           name        uvarint length, bytes
//	           version     16 bytes
//	           saved       uvarint, the head when one of them was saved last
//	           snapshots   uvarint count, then each, by revision:
//	                       revision less the one before it (the first: less 0),
//	                       uvarint; bytes of the state, uvarint
type snapshotList struct {
	folds []foldSnapshots // in the order in which they first came
}

// foldSnapshots are those of one version of a fold.
type foldSnapshots struct {
	name    string
	version firn.FoldVersion
	saved   firn.Position
	kept    []keptSnapshot // by revision, ascending
}

type keptSnapshot struct {
	revision uint64
	bytes    uint64
}

func (l *snapshotList) append(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, valueVersion), uint64(len(l.folds)))
	for i := range l.folds {
		f := &l.folds[i]
		dst = append(appendBytes(dst, f.name), f.version[:]...)
		dst = binary.AppendUvarint(dst, uint64(f.saved))
		dst = binary.AppendUvarint(dst, uint64(len(f.kept)))
		before := uint64(0)
		for _, k := range f.kept {
			dst = binary.AppendUvarint(dst, k.revision-before)
			dst = binary.AppendUvarint(dst, k.bytes)
			before = k.revision
		}
	}
	return dst
}

func parseSnapshotList(key, value []byte) (*snapshotList, error) {
	r := readValue(value)
	l := &snapshotList{folds: make([]foldSnapshots, min(r.count(), firn.StreamFoldsMax))}
	for i := range l.folds {
		f := &l.folds[i]
		f.name = string(r.bytes())
		copy(f.version[:], r.take(len(f.version)))
		f.saved = firn.Position(r.uvarint())
		f.kept = make([]keptSnapshot, r.count())
		before := uint64(0)
		for j := range f.kept {
			f.kept[j] = keptSnapshot{revision: before + r.uvarint(), bytes: r.uvarint()}
			if j > 0 && f.kept[j].revision <= before {
				r.fail()
			}
			before = f.kept[j].revision
		}
	}
	if !r.done() {
		return nil, damagedValue(key, value)
	}
	return l, nil
}

func (l *snapshotList) find(version firn.FoldVersion) *foldSnapshots {
	for i := range l.folds {
		if l.folds[i].version == version {
			return &l.folds[i]
		}
	}
	return nil
}

// A snapshot's own value: a reader takes nothing for a state that was not
// written as one, but passes over it.
//
//	version  1
//	partial  1 byte
//	state    uvarint length, bytes
//	crc      4 bytes, CRC-32C of the key and of everything before it
func appendSnapshotValue(dst, key, state []byte, partial bool) []byte {
	start := len(dst)
	flag := byte(0)
	if partial {
		flag = 1
	}
	dst = appendBytes(append(dst, valueVersion, flag), state)
	return binary.BigEndian.AppendUint32(dst, crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, dst[start:]))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func parseSnapshotValue(key, value []byte) (state []byte, partial bool, err error) {
	end := len(value) - 4
	if end < 0 || crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value[:end]) != binary.BigEndian.Uint32(value[end:]) {
		return nil, false, damagedValue(key, value)
	}
	r := readValue(value[:end])
	flag := r.take(1)
	state = r.bytes()
	if !r.done() || flag[0] > 1 {
		return nil, false, damagedValue(key, value)
	}
	return state, flag[0] == 1, nil
}
