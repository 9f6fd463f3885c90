package raftlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"github.com/firndb/firn/internal/dump"
)

// Dump prints every key of a log that nobody uses, the entries from an index on,
// and changes nothing. What cannot be read is a line with the reason, and the next
// one follows. command is given each command, after its entry's line. The error is
// print's or command's, or says why the log cannot be opened ([firn.ErrDamaged],
// [firn.ErrUnavailable]).
func Dump(ctx context.Context, dir string, fs vfs.FS, from uint64, print func(*dump.Line) error, command func(index uint64, data []byte) error) (err error) {
	opts := Options{FS: fs, ReadOnly: true, OnFatal: func(error) {}}
	if err := opts.setDefaults(); err != nil {
		return err
	}
	l := &Log{dir: dir, opts: opts, dead: make(chan struct{})}
	if _, err := opts.FS.Stat(dir); err != nil {
		return l.damaged("its directory cannot be opened: %v", err)
	}
	if l.lock, err = pebble.LockDirectory(dir, opts.FS); err != nil {
		return lockError(dir, err)
	}
	defer func() {
		err = errors.Join(err, l.lock.Close())
	}()
	err = l.guard(func() (err error) {
		l.db, err = pebble.Open(dir, l.pebbleOptions())
		return err
	})
	if err != nil {
		return l.word(err)
	}
	defer l.db.Close()
	l.opened.Store(true)
	return dump.Walk(l.db, nil, func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if key[0] == prefixEntry && bytes.Compare(key, entryKey(from)) < 0 {
			return nil
		}
		line := &dump.Line{Part: dumpPart, Key: bytes.Clone(key)}
		var e raft.Log
		if err := dumped(line, key, value, &e); err != nil {
			line.Damage = err.Error()
		}
		if err := print(line); err != nil || line.Damage != "" || e.Type != raft.LogCommand || e.Index == 0 {
			return err
		}
		return command(e.Index, e.Data)
	}, func(after []byte, reason error) error {
		return print(&dump.Line{Part: dumpPart, Kind: "unreadable", Damage: fmt.Sprintf("what lies behind this key: %v", reason), Key: bytes.Clone(after)})
	})
}

const dumpPart = "raft"

// dumped fills a line with what lies under a key.
func dumped(line *dump.Line, key, value []byte, e *raft.Log) error {
	switch key[0] {
	case prefixEntry:
		line.Kind = "entry"
		if len(key) != entryKeyBytes {
			return errLengths
		}
		line.Uint("index", binary.BigEndian.Uint64(key[1:]))
		if err := getEntry(key, value, e); err != nil {
			return err
		}
		line.Uint("term", e.Term)
		line.Text("type", entryType(e.Type))
		line.Time("appended", e.AppendedAt)
		line.Uint("bytes", uint64(len(e.Data)))
		if e.Type == raft.LogConfiguration {
			return configuration(line, e.Data)
		}
		return nil
	case prefixFormat:
		line.Kind = "format"
	case prefixCount:
		line.Kind = "batches"
	case prefixRecord:
		line.Kind = string(key[1:])
	case prefixStable:
		line.Kind = "stable"
		line.Text("name", string(key[1:]))
	default:
		line.Kind = "unknown"
		return errors.New("no key of this release begins so")
	}
	payload, err := unseal(key, value)
	if err != nil {
		return err
	}
	if key[0] == prefixRecord {
		meta, err := parseRecord(payload)
		if err != nil {
			return err
		}
		line.Uint("index", meta.Index)
		line.Uint("term", meta.Term)
		line.Uint("configuration_index", meta.ConfigurationIndex)
		members(line, meta.Configuration)
		return nil
	}
	switch {
	case key[0] == prefixFormat && len(payload) == 1:
		line.Uint("value", uint64(payload[0]))
	case len(payload) == 8 && (key[0] == prefixCount || payload[0] == 0): // terms
		line.Uint("value", binary.BigEndian.Uint64(payload))
	case utf8.Valid(payload):
		line.Text("value", string(payload))
	default:
		line.Hex("value", payload)
	}
	return nil
}

// configuration shows an entry's configuration. The library panics over one that
// it did not write.
func configuration(line *dump.Line, data []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	members(line, raft.DecodeConfiguration(data))
	return nil
}

func members(line *dump.Line, c raft.Configuration) {
	list := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		list[i] = fmt.Sprintf("%s=%s %s", s.ID, s.Address, s.Suffrage)
	}
	line.Texts("members", list)
}

func entryType(t raft.LogType) string {
	switch t {
	case raft.LogCommand:
		return "command"
	case raft.LogNoop:
		return "no-op"
	case raft.LogBarrier:
		return "barrier"
	case raft.LogConfiguration:
		return "configuration"
	}
	return fmt.Sprint(uint8(t))
}
