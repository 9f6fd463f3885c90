package dump_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn/internal/dump"
)

const (
	keys      = 3000
	keysTable = 1000 // in each table
	keysBlock = 60   // more than there are in a block
)

func number(n int) []byte { return binary.BigEndian.AppendUint32([]byte{'k'}, uint32(n)) }

// store makes a store of three tables, each of many blocks.
func store(t *testing.T) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewMem()
	db, err := pebble.Open("db", options(fs, false))
	if err != nil {
		t.Fatal(err)
	}
	for n := range keys {
		if err := db.Set(number(n), fmt.Appendf(nil, "value %0100d", n), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
		if n%keysTable == keysTable-1 {
			if err := db.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return fs
}

func options(fs vfs.FS, readOnly bool) *pebble.Options {
	o := &pebble.Options{
		FS: fs, ReadOnly: readOnly, DisableAutomaticCompactions: true, Logger: silent{},
		EventListener: &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}},
	}
	o.Levels[0].BlockSize = 4096
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	return o
}

type silent struct{}

func (silent) Infof(string, ...any)             {}
func (silent) Errorf(string, ...any)            {}
func (silent) Fatalf(format string, arg ...any) { panic(fmt.Sprintf(format, arg...)) }

// spoil flips a bit of the value of key n, in whichever table it is.
func spoil(t *testing.T, fs *vfs.MemFS, n int) {
	t.Helper()
	names, err := fs.List("db")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if path.Ext(name) != ".sst" {
			continue
		}
		f, err := fs.OpenReadWrite("db/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		info, _ := f.Stat()
		b := make([]byte, info.Size())
		if _, err := f.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
		at := strings.Index(string(b), fmt.Sprintf("value %0100d", n))
		if at >= 0 {
			if _, err := f.WriteAt([]byte{b[at] ^ 1}, int64(at)); err != nil {
				t.Fatal(err)
			}
			f.Close()
			return
		}
		f.Close()
	}
	t.Fatalf("key %d is in no table", n)
}

// TestWalk damages blocks, at a table's begin, in its middle and at its end, and
// finds all keys but theirs.
func TestWalk(t *testing.T) {
	for _, spoiled := range [][]int{nil, {0}, {500}, {999}, {1000}, {1500}, {2999}, {500, 1500, 2999}, {0, 999}, {999, 1000}} {
		t.Run(fmt.Sprint(spoiled), func(t *testing.T) {
			fs := store(t)
			for _, n := range spoiled {
				spoil(t, fs, n)
			}
			db, err := pebble.Open("db", options(fs, true))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			seen := map[int]bool{}
			last, damaged := -1, 0
			err = dump.Walk(db, nil, func(key, value []byte) error {
				n := int(binary.BigEndian.Uint32(key[1:]))
				if n <= last || string(value) != fmt.Sprintf("value %0100d", n) {
					t.Errorf("after key %d comes %d with %q", last, n, value)
				}
				last, seen[n] = n, true
				return nil
			}, func(after []byte, reason error) error {
				damaged++
				if after == nil && last != -1 || after != nil && string(after) != string(number(last)) || reason == nil {
					t.Errorf("damage is told of behind %x (%v), the last key was %d", after, reason, last)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(spoiled) == 0 != (damaged == 0) || damaged > len(spoiled) {
				t.Errorf("%d blocks are damaged, %d times it was told", len(spoiled), damaged)
			}
			lost := keys - len(seen)
			for _, n := range spoiled {
				if seen[n] {
					t.Errorf("the damaged key %d was read", n)
				}
			}
			// Between two damaged blocks of one table nothing is found.
			if most := len(spoiled) * keysBlock; lost > most && fmt.Sprint(spoiled) != "[0 999]" {
				t.Errorf("%d keys were not found; %d lie in damaged blocks at most", lost, most)
			}
		})
	}
}

func TestWalkFromAndStop(t *testing.T) {
	db, err := pebble.Open("db", options(store(t), true))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stop, n := errors.New("stop"), 0
	err = dump.Walk(db, number(2990), func(key, _ []byte) error {
		if n++; n == 5 {
			return stop
		}
		return nil
	}, func([]byte, error) error { return nil })
	if !errors.Is(err, stop) || n != 5 {
		t.Errorf("%d keys, %v", n, err)
	}
	n = 0
	if err := dump.Walk(db, number(2990), func([]byte, []byte) error { n++; return nil }, nil); err != nil || n != 10 {
		t.Errorf("from key 2990 on there are %d: %v", n, err)
	}
}
