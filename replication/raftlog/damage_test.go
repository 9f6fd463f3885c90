package raftlog

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
)

// One flipped bit anywhere in the files of a log, after its process was killed:
// it is refused, or it is right, never shorter. After a power cut the witness of
// the log's end may be missing; then damage in the last block of the
// write-ahead log can take away what that block holds, and nothing more.
func TestFlippedBits(t *testing.T) {
	for _, where := range []string{".log", ".sst", "MANIFEST", tailName} {
		t.Run(where+", killed", func(t *testing.T) { flipBits(t, where, 100) })
	}
	t.Run(".log, power cut", func(t *testing.T) { flipBits(t, ".log", 0) })
}

func flipBits(t *testing.T, where string, unsynced int) {
	const count = 300
	disk := vfs.NewCrashableMem()
	l, err := Open(dir, Options{FS: disk, OnFatal: func(err error) { t.Error(err) }})
	must(t, err)
	for index := uint64(1); index <= count; index++ {
		e := entries(index, index, 1)
		e[0].Data = noise(300+int(index), index)
		must(t, l.StoreLogs(e))
		if index == count/2 && where != ".log" {
			must(t, l.db.Flush())
		}
	}
	must(t, l.SetUint64([]byte(nameVoteTerm), 2))
	must(t, l.Set([]byte(nameVoteCand), []byte("a")))
	want := contents(t, l)
	rng := rand.New(rand.NewPCG(1, 1))
	clone := func(fs *vfs.MemFS, unsynced int) *vfs.MemFS {
		return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsynced, RNG: rng})
	}
	crashed := clone(disk, unsynced)
	must(t, l.Close())
	file, bytes := newest(t, crashed, where)
	const block = 32 << 10
	lastBlock := (len(bytes) - 1) / block * block
	if where == ".log" && unsynced == 0 {
		lastBlock -= 2048 // of a batch that straddles the blocks, both halves count as the last one's
	}
	for _, seed := range seeds() {
		rng := rand.New(rand.NewPCG(seed, 3))
		refused, right, shorter := 0, 0, 0
		for range 20 {
			at, bit := rng.IntN(len(bytes)), byte(1)<<rng.IntN(8)
			fs := clone(crashed, 100)
			flipped := append([]byte{}, bytes...)
			flipped[at] ^= bit
			write(t, fs, file, flipped)
			switch got, err := whole(t, fs); {
			case err != nil && !errors.Is(err, firn.ErrDamaged):
				t.Errorf("seed %d, byte %d: refused as %v, want damaged", seed, at, err)
			case err != nil:
				refused++
			case got == want:
				right++
			case unsynced == 0 && where == ".log" && at >= lastBlock:
				shorter++
			default:
				t.Errorf("seed %d, byte %d of %d in %s: the log opens, and is wrong: %d bytes of %d", seed, at, len(bytes), file, len(got), len(want))
			}
		}
		t.Logf("seed %d: %d refused, %d right, %d shorter", seed, refused, right, shorter)
	}
}

// whole opens a log and reads all of it.
func whole(t *testing.T, fs vfs.FS) (string, error) {
	t.Helper()
	l, err := Open(dir, Options{FS: fs, OnFatal: func(error) {}})
	if err != nil {
		return "", err
	}
	defer l.Close()
	return contents(t, l), nil
}

// newest returns the newest file of a kind that holds anything: one that a
// compaction had just begun when the process was killed does not yet.
func newest(t *testing.T, fs vfs.FS, kind string) (path string, bytes []byte) {
	t.Helper()
	names, err := fs.List(dir)
	must(t, err)
	slices.Sort(names)
	for _, name := range slices.Backward(names) {
		if !strings.Contains(name, kind) || strings.HasPrefix(name, "marker") {
			continue
		}
		path = fs.PathJoin(dir, name)
		if bytes = read(t, fs, path); len(bytes) > 0 {
			return path, bytes
		}
	}
	t.Fatalf("no file of kind %q holds anything", kind)
	return "", nil
}

func read(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	must(t, err)
	bytes, err := io.ReadAll(f)
	must(t, err)
	must(t, f.Close())
	return bytes
}

func write(t *testing.T, fs vfs.FS, path string, bytes []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	must(t, err)
	_, err = f.Write(bytes)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

// What keeps a flipped bit from shortening the log is the format that the
// write-ahead log is written in. Pebble writes the first one of a new store in
// its oldest format, whatever it was asked for: there, flips in the middle lost
// hundreds of synced entries without a word.
func TestFirstWriteAheadLog(t *testing.T) {
	silent := func(keepFirst bool) (lost int) {
		disk := vfs.NewCrashableMem()
		l, err := Open(dir, Options{FS: disk, OnFatal: func(err error) { t.Error(err) }, keepFirstWAL: keepFirst})
		must(t, err)
		for index := uint64(1); index <= 500; index++ {
			e := entries(index, index, 1)
			e[0].Data = noise(300, index)
			must(t, l.StoreLogs(e))
		}
		want := contents(t, l)
		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		must(t, l.Close())
		path, bytes := newest(t, crashed, ".log")
		for n := range 10 {
			clone := crashed.CrashClone(vfs.CrashCloneCfg{})
			flipped := append([]byte{}, bytes...)
			flipped[(n+1)*len(bytes)/12] ^= 4
			write(t, clone, path, flipped)
			if got, err := whole(t, clone); err == nil && got != want {
				lost++
			}
		}
		return lost
	}
	if lost := silent(true); lost == 0 {
		t.Error("in the first write-ahead log nothing was lost: the test shows nothing")
	}
	if lost := silent(false); lost != 0 {
		t.Errorf("%d of 10 flips lost entries without a word", lost)
	}
	if pebbleFormat < pebble.FormatWALSyncChunks {
		t.Error("the pinned format is too old")
	}
}

// What is wrong within Pebble's own checksums is found too, and named.
func TestDamageIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(*pebble.DB) error
		words  string
		kind   firn.Kind
	}{
		"an entry's byte": {func(db *pebble.DB) error {
			value := make([]byte, entryOverhead)
			return db.Set(entryKey(5), value, pebble.Sync)
		}, "entry 5: its checksum", firn.ErrDamaged},
		"an entry under another index": {func(db *pebble.DB) error {
			value, closer, err := db.Get(entryKey(4))
			if err != nil {
				return err
			}
			return errors.Join(db.Set(entryKey(5), value, pebble.Sync), closer.Close())
		}, "entry 5: its checksum", firn.ErrDamaged},
		"a missing entry": {func(db *pebble.DB) error {
			return db.Delete(entryKey(5), pebble.Sync)
		}, "entry 5: it is missing, the next one is 6", firn.ErrDamaged},
		"a missing beginning": {func(db *pebble.DB) error {
			return db.Delete(entryKey(1), pebble.Sync)
		}, "entry 1: it is missing", firn.ErrDamaged},
		"a vote under another name": {func(db *pebble.DB) error {
			return db.Set([]byte("sLastVoteTerm"), seal([]byte("sCurrentTerm"), be(3)), pebble.Sync)
		}, `the value "LastVoteTerm": its checksum`, firn.ErrDamaged},
		"a snapshot cut short": {func(db *pebble.DB) error {
			return db.Set(keySnapshot, seal(keySnapshot, make([]byte, 20)), pebble.Sync)
		}, `the record "snapshot": too short`, firn.ErrDamaged},
		"a snapshot behind the log": {func(db *pebble.DB) error {
			payload, err := appendRecord(nil, &recordedAt50)
			return errors.Join(err, db.Set(keySnapshot, seal(keySnapshot, payload), pebble.Sync))
		}, "entry 11: it is missing", firn.ErrDamaged},
		"no format": {func(db *pebble.DB) error {
			return db.Delete(keyFormat, pebble.Sync)
		}, "its format record is missing", firn.ErrDamaged},
		"a newer format": {func(db *pebble.DB) error {
			return db.Set(keyFormat, seal(keyFormat, []byte{9}), pebble.Sync)
		}, "has format 9, this version knows 1", firn.ErrUnsupported},
		"a key of a newer version": {func(db *pebble.DB) error {
			return db.Set([]byte("zebra"), nil, pebble.Sync)
		}, `a key "zebra"`, firn.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			l, err := Open(dir, Options{FS: fs, OnFatal: func(err error) { t.Error(err) }})
			must(t, err)
			must(t, l.StoreLogs(entries(1, 10, 1)))
			must(t, c.damage(l.db))
			must(t, l.Close())
			_, err = Open(dir, Options{FS: fs, OnFatal: func(err error) { t.Error("OnFatal:", err) }})
			if !errors.Is(err, c.kind) || !strings.Contains(fmt.Sprint(err), c.words) {
				t.Errorf("%v, want %v with the words %q", err, c.kind, c.words)
			}
		})
	}
}

// Damage that comes while the log is open is found when the entry is read. From
// then on the log answers nothing: it does not vote.
func TestDamageWhileOpen(t *testing.T) {
	fatal := make(chan error, 1)
	l, err := Open(dir, Options{FS: vfs.NewMem(), OnFatal: func(err error) { fatal <- err }})
	must(t, err)
	must(t, l.StoreLogs(entries(1, 10, 1)))
	must(t, l.db.Delete(entryKey(5), pebble.Sync))
	_, err = l.Entry(5)
	if !errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), "entry 5: it is missing") {
		t.Errorf("reading it: %v", err)
	}
	if got := <-fatal; got != err {
		t.Errorf("OnFatal was told %v", got)
	}
	for name, got := range map[string]error{
		"a vote's term":      l.SetUint64([]byte(nameVoteTerm), 4),
		"a vote's candidate": l.Set([]byte(nameVoteCand), []byte("a")),
		"an entry":           l.StoreLogs(entries(11, 11, 1)),
		"closing":            l.Close(),
	} {
		if got != err {
			t.Errorf("%s: %v, want the failure", name, got)
		}
	}
}

// Scrubbing reads what nobody reads any more, and ends a log that is damaged.
func TestScrub(t *testing.T) {
	fs, fatal := vfs.NewMem(), make(chan error, 1)
	l, err := Open(dir, Options{FS: fs, OnFatal: func(err error) { fatal <- err }})
	must(t, err)
	must(t, l.StoreLogs(entries(1, 100, 1)))
	must(t, l.db.Flush())
	must(t, l.db.Compact(t.Context(), []byte{0}, []byte{0xff}, false)) // nothing is left that could replace a table
	write(t, fs, fs.PathJoin(dir, "000999.sst"), []byte("a table that is being written"))
	count := 0
	must(t, l.Scrub(func(bytes int) error { count += bytes; return nil }))
	must(t, fs.Remove(fs.PathJoin(dir, "000999.sst")))
	stop := errors.New("stop")
	if err := l.Scrub(func(int) error { return stop }); !errors.Is(err, stop) || count == 0 {
		t.Errorf("%d bytes were read; a pace that ends the reading: %v", count, err)
	}
	names, err := l.tables()
	must(t, err)
	path := fs.PathJoin(dir, names[len(names)-1])
	b := read(t, fs, path)
	b[len(b)/3] ^= 1
	write(t, fs, path, b)
	err = l.Scrub(nil)
	if !errors.Is(err, firn.ErrDamaged) || !strings.Contains(err.Error(), fs.PathBase(path)) {
		t.Errorf("scrubbing a damaged log: %v", err)
	}
	if got := <-fatal; got != err {
		t.Errorf("OnFatal was told %v", got)
	}
	if closing := l.Close(); closing != err {
		t.Errorf("closing: %v, want the failure", closing)
	}
}
