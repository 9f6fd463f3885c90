package raftlog

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
)

func (l *Log) damaged(format string, args ...any) *firn.Error {
	return firn.Errorf(firn.ErrDamaged, "the Raft log in %s is damaged: %s; remove this node from the cluster and add it anew with an empty directory",
		l.dir, fmt.Sprintf(format, args...))
}

func (l *Log) damagedEntry(index uint64, err error) *firn.Error {
	return l.damaged("entry %d: %v", index, err)
}

// load reads and checks everything that the store holds. It reads the entries
// whole: Raft is going to read most of them anyway, Pebble checks a block only
// when it is read, and a replica that finds out later has voted by then.
func (l *Log) load() error {
	it, err := l.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer it.Close()
	if !it.First() {
		if err := it.Error(); err != nil {
			return err
		}
		if l.opts.ReadOnly {
			l.stable.values = map[string][]byte{}
			return nil
		}
		return l.format()
	}
	l.stable.values = map[string][]byte{}
	formatted := false
	for ; it.Valid(); it.Next() {
		key := it.Key()
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		switch key[0] {
		case prefixCount:
			err = l.loadCount(key, value)
		case prefixFormat:
			formatted, err = true, l.loadFormat(key, value)
		case prefixEntry:
			err = l.loadEntry(key, value)
		case prefixRecord:
			err = l.loadRecord(key, value)
		case prefixStable:
			err = l.loadStable(key, value)
		default:
			err = firn.Errorf(firn.ErrUnsupported, "the Raft log in %s holds a key %.40q that this version does not know; start the newer version that wrote it", l.dir, key)
		}
		if err != nil {
			return err
		}
	}
	if err := it.Error(); err != nil {
		return err
	}
	if !formatted {
		return l.damaged("its format record is missing")
	}
	return l.checkStart()
}

// format gives a new store its format record, and then a second write-ahead
// log. Pebble makes the first one of a new store before it takes on the format
// that it was asked for, so that one lacks what makes damage in its middle show
// (see pebbleFormat). A flush ends it while the record is all that it holds.
func (l *Log) format() error {
	l.stable.values = map[string][]byte{}
	if err := l.db.Set(keyFormat, seal(keyFormat, []byte{formatVersion}), pebble.Sync); err != nil {
		return err
	}
	if l.opts.keepFirstWAL {
		return nil
	}
	return l.db.Flush()
}

func (l *Log) loadFormat(key, value []byte) error {
	payload, err := unseal(key, value)
	if err != nil || len(payload) != 1 {
		return l.damaged("its format record: %v", err)
	}
	if payload[0] != formatVersion {
		return firn.Errorf(firn.ErrUnsupported, "the Raft log in %s has format %d, this version knows %d; start the version that wrote it", l.dir, payload[0], formatVersion)
	}
	return nil
}

func (l *Log) loadEntry(key, value []byte) error {
	if len(key) != entryKeyBytes {
		return l.damaged("an entry's key has %d bytes instead of %d", len(key), entryKeyBytes)
	}
	index := binary.BigEndian.Uint64(key[1:])
	if l.last != 0 && index != l.last+1 {
		return l.damagedEntry(l.last+1, fmt.Errorf("it is missing, the next one is %d", index))
	}
	if err := checkEntry(key, value); err != nil {
		return l.damagedEntry(index, err)
	}
	if l.last == 0 {
		l.first = index
	}
	l.last = index
	l.sizes.add(index, len(value))
	return nil
}

func (l *Log) loadRecord(key, value []byte) error {
	payload, err := unseal(key, value)
	if err != nil {
		return l.damaged("the record %q: %v", key[1:], err)
	}
	meta, err := parseRecord(payload)
	if err != nil {
		return l.damaged("the record %q: %v", key[1:], err)
	}
	switch string(key) {
	case string(keySnapshot):
		l.snapshot = meta
	case string(keyReceived):
		l.received = meta
	default:
		return firn.Errorf(firn.ErrUnsupported, "the Raft log in %s holds a record %q that this version does not know; start the newer version that wrote it", l.dir, key[1:])
	}
	return nil
}

func (l *Log) loadStable(key, value []byte) error {
	payload, err := unseal(key, value)
	if err != nil {
		return l.damaged("the value %q: %v", key[1:], err)
	}
	l.stable.values[string(key[1:])] = append([]byte{}, payload...)
	return nil
}

// checkStart holds the entries against the snapshot: together they must cover
// every index from 1 on.
func (l *Log) checkStart() error {
	if l.first > l.snapshot.Index+1 {
		return l.damagedEntry(l.snapshot.Index+1, fmt.Errorf("it is missing: the newest snapshot is at %d, the entries begin at %d", l.snapshot.Index, l.first))
	}
	if l.snapshot.Index > l.last && l.last != 0 {
		return l.damagedEntry(l.last+1, fmt.Errorf("it is missing: the newest snapshot is at %d", l.snapshot.Index))
	}
	return nil
}
