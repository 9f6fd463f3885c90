package main

import (
	"context"
	"encoding/binary"
	"iter"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
)

// Bare Pebble: the storage engine under Firn by itself, in the usual design of an
// event store on a key-value store: events by position, and an index of streams.
// There is no network, no check and no replication; each append is one batch committed
// with pebble.Sync, which Pebble groups (pkg.go.dev/github.com/cockroachdb/pebble/v2, DB.Apply).
// The memtable is CockroachDB's 64 MiB.
//
//	p | position u64                  → the event
//	s | stream | 0x00 | revision u64  → position u64
const pebbleMemTable = 64 << 20

func pebbleSystem() *system {
	return &system{
		name: "pebble", about: "in this process, checks nothing", synced: true, nodes: []int{1}, reads: true,
		version: moduleVersion("github.com/cockroachdb/pebble/v2"),
		start: func(_ context.Context, at place) (running, error) {
			db, err := pebble.Open(at.dir, &pebble.Options{Logger: quiet{}, MemTableSize: pebbleMemTable, FormatMajorVersion: pebble.FormatNewest})
			if err != nil {
				return running{}, err
			}
			return running{store: asStore(&pebbleLog{db: db}), stop: db.Close}, nil
		},
	}
}

type pebbleLog struct {
	db       *pebble.DB
	position atomic.Uint64 // given out
}

func pebbleStream(stream string) []byte {
	return append(append([]byte{'s'}, stream...), 0)
}

func pebblePosition(position uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{'p'}, position)
}

func (l *pebbleLog) append(_ context.Context, stream string, next int64, events []firn.Event) error {
	b := l.db.NewBatch()
	defer b.Close()
	position := l.position.Add(uint64(len(events))) - uint64(len(events))
	prefix := pebbleStream(stream)
	for i := range events {
		position++
		revision := uint64(next) + uint64(i)
		if next < 0 {
			revision = position
		}
		value := appendValue(binary.BigEndian.AppendUint64(nil, revision), &events[i])
		if err := b.Set(pebblePosition(position), value, nil); err != nil {
			return err
		}
		key := binary.BigEndian.AppendUint64(prefix[:len(prefix):len(prefix)], revision)
		if err := b.Set(key, binary.BigEndian.AppendUint64(nil, position), nil); err != nil {
			return err
		}
	}
	return b.Commit(pebble.Sync)
}

func (l *pebbleLog) load(_ context.Context, stream string) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		prefix := pebbleStream(stream)
		upper := append(prefix[:len(prefix)-1:len(prefix)-1], 1)
		index, err := l.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: upper})
		if err != nil {
			yield(firn.Event{}, err)
			return
		}
		defer index.Close()
		for index.First(); index.Valid(); index.Next() {
			position := binary.BigEndian.Uint64(index.Value())
			value, held, err := l.db.Get(pebblePosition(position))
			var e firn.Event
			if err == nil {
				e, err = pebbleEvent(position, value)
				held.Close()
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
		if err := index.Error(); err != nil {
			yield(firn.Event{}, err)
		}
	}
}

func (l *pebbleLog) follow(_ context.Context, _ bool, caughtUp func() bool) iter.Seq2[firn.Event, error] {
	return func(yield func(firn.Event, error) bool) {
		events, err := l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{'p'}, UpperBound: []byte{'q'}})
		if err != nil {
			yield(firn.Event{}, err)
			return
		}
		defer events.Close()
		for events.First(); events.Valid(); events.Next() {
			e, err := pebbleEvent(binary.BigEndian.Uint64(events.Key()[1:]), events.Value())
			if !yield(e, err) || err != nil {
				return
			}
		}
		if err := events.Error(); err != nil {
			yield(firn.Event{}, err)
			return
		}
		if caughtUp() {
			yield(firn.Event{}, errNotOffered)
		}
	}
}

// pebbleEvent returns a copy, as every other system does: Pebble takes its own
// bytes back.
func pebbleEvent(position uint64, value []byte) (firn.Event, error) {
	if len(value) < 8 {
		return firn.Event{}, errValue
	}
	e, err := parseValue(append([]byte(nil), value[8:]...))
	e.Position, e.Revision = firn.Position(position), firn.Revision(binary.BigEndian.Uint64(value))
	return e, err
}

// quiet keeps Pebble's log to itself. What it calls fatal ends the program, as
// Pebble asks for.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	pebble.DefaultLogger.Fatalf(format, args...)
}
