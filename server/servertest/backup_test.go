package servertest_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/backup"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/server/wire"
)

// takeBackup takes a backup from the node at an address.
func takeBackup(t *testing.T, db *client.Client, address, dir string) *backup.Manifest {
	t.Helper()
	place, err := backup.Create(vfs.Default, dir)
	if err != nil {
		t.Fatal(err)
	}
	taking, err := place.Take()
	if err != nil {
		t.Fatal(err)
	}
	defer taking.Close()
	var o client.BackupOptions
	for sum, size := range taking.Held() {
		o.Held = append(o.Held, wire.HeldFile{Bytes: uint64(size), Sum: sum})
	}
	var m *backup.Manifest
	err = db.Backup(t.Context(), address, o, func(from client.Node, bytes uint64, image io.Reader) (err error) {
		m, err = taking.Receive(t.Context(), image, backup.Source{Node: from.ID, Release: from.Release, Taken: time.Now()}, func(int64) {})
		return err
	})
	if err != nil {
		t.Fatalf("a backup of the node at %s: %v", address, err)
	}
	return m
}

// restoreBackup restores a backup to a directory of its own.
func restoreBackup(t *testing.T, dir string, m *backup.Manifest) (to string, done server.Restored) {
	t.Helper()
	return restoreAt(t, dir, backup.Chosen{Cut: m}, firn.Point{})
}

// restoreAt restores a store as of a point in time.
func restoreAt(t *testing.T, dir string, of backup.Chosen, at firn.Point) (to string, done server.Restored) {
	t.Helper()
	place, err := backup.Open(vfs.Default, dir)
	if err != nil {
		t.Fatal(err)
	}
	to = filepath.Join(t.TempDir(), "restored")
	o := server.RestoreOptions{
		Dir: to, At: at,
		Fill:     func(data string) error { return place.Copy(t.Context(), of.Cut, vfs.Default, data, func(int64) {}) },
		Progress: func(uint64, uint64) {},
	}
	if of.Before != nil {
		o.Before = func(dir string) error { return place.Link(t.Context(), of.Before, vfs.Default, dir) }
	}
	if done, err = server.Restore(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return to, done
}

// logHash returns a hash of all events of a store up to a position, of every
// byte of theirs.
func logHash(t *testing.T, db firn.Store, to firn.Position) string {
	t.Helper()
	hash, n := sha256.New(), firn.Position(0)
	for e, err := range db.Read(t.Context(), firn.Query{All: true, System: true, Raw: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Position > to {
			break
		}
		n++
		fmt.Fprintf(hash, "%s %x\n", e.Stream, record.Encode(&e))
	}
	if n != to {
		t.Fatalf("there are %d events up to position %d", n, to)
	}
	return fmt.Sprintf("%x", hash.Sum(nil))
}

// TestBackupUnderLoad takes backups while clients append, from one node and
// another, and restores each: it holds the same log.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 3)
	db := c.Dial()
	seed := testenv.Seed(t)
	random := rand.New(rand.NewPCG(seed, 1))
	load := servertest.StartLoad(t, 4, db)
	dir := filepath.Join(t.TempDir(), "backups")
	for range testenv.Count(t, "FIRN_BACKUPS", 2) {
		load.Await(50)
		before, _, err := db.Head(t.Context(), firn.Consistency{})
		if err != nil {
			t.Fatal(err)
		}
		m := takeBackup(t, db, c.Address(random.IntN(3)), dir)
		if m.Position < before {
			t.Errorf("a backup from node %s goes up to position %d, and %d was acknowledged before", m.Node, m.Position, before)
		}
		to, done := restoreBackup(t, dir, m)
		restored, err := server.Embed(to, server.EmbedOptions{CacheBytes: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		head, _, err := restored.Head(t.Context(), firn.Consistency{})
		if err != nil || head != m.Position || done.Position != m.Position {
			t.Errorf("restored from a backup of position %d, the head is %d (%v)", m.Position, head, err)
		}
		if was, is := logHash(t, db, m.Position), logHash(t, restored, m.Position); was != is {
			t.Errorf("up to position %d the hash of the log was %s, restored it is %s", m.Position, was, is)
		}
		if _, err := restored.Append(t.Context(), firn.To("after-1", firn.None, firn.Draft{Type: "Restored"})); err != nil {
			t.Errorf("the restored store takes no append: %v", err)
		}
		if err := restored.Close(); err != nil {
			t.Error(err)
		}
		toAPoint(t, db, dir, random, m.Position)
	}
	load.Stop()
	log := servertest.Agree(t, db, c.Address(0), c.Address(1), c.Address(2))
	load.Check(log)
	last := takeBackup(t, db, "", dir)
	for i := range 3 {
		report, err := db.Verify(t.Context(), c.Address(i), nil)
		if err != nil || report.ChainIndex == last.Index && report.ChainHash != last.Chain {
			t.Errorf("node %d is at index %d with chain %016x, the backup at %d with %016x (%v)", i, report.ChainIndex, report.ChainHash, last.Index, last.Chain, err)
		}
	}
	place, err := backup.Open(vfs.Default, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, faults, err := place.Verify(t.Context(), func(int64, int64) {}); err != nil || len(faults) > 0 {
		t.Errorf("verifying the backups: %v, %q", err, faults)
	}
}

// toAPoint restores a store as of a random position or moment up to one, and
// holds it against that part of the log.
func toAPoint(t *testing.T, db *client.Client, dir string, random *rand.Rand, below firn.Position) {
	t.Helper()
	var log []firn.Event
	for e, err := range db.Read(t.Context(), firn.Query{All: true, System: true, Bound: firn.PositionPoint(below)}) {
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, e)
	}
	e := &log[random.IntN(len(log))]
	want := e.Position + firn.Position(e.Count-e.Index) - 1
	at := firn.PositionPoint(want)
	if random.IntN(2) == 0 {
		at = firn.MomentPoint(e.Time)
		for i := range log {
			if !log[i].Time.After(e.Time) {
				want = log[i].Position
			}
		}
	}
	place, err := backup.Open(vfs.Default, dir)
	if err != nil {
		t.Fatal(err)
	}
	of, err := place.Choose(at, "")
	if err != nil {
		t.Fatal(err)
	}
	to, done := restoreAt(t, dir, of, at)
	restored, err := server.Embed(to, server.EmbedOptions{CacheBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if head, _, err := restored.Head(t.Context(), firn.Consistency{}); err != nil || head != want || done.Position != want {
		t.Errorf("restored as of %v, the head is %d, want %d (%v)", at, head, want, err)
	}
	if was, is := logHash(t, db, want), logHash(t, restored, want); was != is {
		t.Errorf("restored as of %v, the hash of the log up to %d is %s, and was %s", at, want, is, was)
	}
}

// TestRestoreToThePast holds what is not events against what it was: streams'
// lives, definitions, and where consumer groups stood.
func TestRestoreToThePast(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 1)
	db := c.Dial()
	appendTo := func(stream string, n int) {
		t.Helper()
		for range n {
			if _, err := db.Append(t.Context(), firn.To(stream, firn.Any, firn.Draft{Type: "T"})); err != nil {
				t.Fatal(err)
			}
		}
	}
	settle := func(n int) { // events of the group
		t.Helper()
		consumer, err := db.Consume(t.Context(), "mail", 1)
		if err != nil {
			t.Fatal(err)
		}
		defer consumer.Close()
		for d, err := range consumer.Deliveries(t.Context()) {
			if err == nil {
				err = consumer.Settle(t.Context(), firn.Settlement{Token: d.Token, Outcome: firn.Ack})
			}
			if err != nil {
				t.Fatal(err)
			}
			if n--; n == 0 {
				break
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "backups")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	appendTo("order-1", 5)
	must(second(db.CreateGroup(t.Context(), firn.Group{Name: "mail", Stream: "order-1", From: firn.StartPoint()})))
	settle(2)
	takeBackup(t, db, "", dir)
	appendTo("order-1", 5)
	settle(3)
	must(second(db.Define(t.Context(), firn.FoldDefinition, "cart", []byte("fold: cart\ncategory: order\non: {\"*\": merge}\n"), firn.Any)))
	then, _, err := db.Head(t.Context(), firn.Consistency{})
	must(err)
	must(second(db.Define(t.Context(), firn.FoldDefinition, "cart", []byte("fold: cart\ncategory: orders\non: {\"*\": merge}\n"), firn.Any)))
	must(second(db.Change(t.Context(), "order-1", firn.Any, firn.Delete{})))
	appendTo("order-2", 3)
	takeBackup(t, db, "", dir)

	place, err := backup.Open(vfs.Default, dir)
	must(err)
	at := firn.PositionPoint(then)
	of, err := place.Choose(at, "")
	must(err)
	if of.Before == nil || of.Before.Position >= then || of.Cut.Position <= then {
		t.Fatalf("as of %d was chosen %+v", then, of)
	}
	to, _ := restoreAt(t, dir, of, at)
	restored, err := server.Embed(to, server.EmbedOptions{CacheBytes: 8 << 20})
	must(err)
	defer restored.Close()
	info, err := restored.Stream(t.Context(), "order-1", firn.Point{})
	if err != nil || info.Revision != 9 {
		t.Errorf("the stream that was deleted later: %+v, %v", info, err)
	}
	if _, err := restored.Stream(t.Context(), "order-2", firn.Point{}); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("the stream that was written later: %v", err)
	}
	defined, err := restored.Definitions(t.Context(), firn.FoldDefinition, firn.Point{})
	if err != nil || len(defined) != 1 || defined[0].Version != 1 {
		t.Errorf("the fold that was defined anew later: %+v, %v", defined, err)
	}
	group, err := restored.GroupInfo(t.Context(), "mail")
	if err != nil || group.Passed > 3 || group.Passed < 2 {
		t.Errorf("the group had passed position 2 or 3 in the backup from before; it stands at %+v (%v)", group, err)
	}
	if _, err := place.Choose(firn.PositionPoint(1<<40), ""); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("a position that no backup has: %v", err)
	}
	if _, err := place.Choose(firn.MomentPoint(time.Now().Add(time.Hour)), ""); !errors.Is(err, firn.ErrNotFound) {
		t.Errorf("a moment after all backups: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestRestoredClusterGrows starts a restored store as a cluster of one, which
// others join, and holds that it has a history of its own: whoever keeps a
// position of the one before is told.
func TestRestoredClusterGrows(t *testing.T) {
	t.Parallel()
	old := servertest.Start(t, 1)
	db := old.Dial()
	for i := range 20 {
		if _, err := db.Append(t.Context(), firn.To(fmt.Sprintf("s-%d", i%3), firn.Any, firn.Draft{Type: "T", Data: fmt.Appendf(nil, "%d", i)})); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "backups")
	to, done := restoreBackup(t, dir, takeBackup(t, db, "", dir))
	if _, err := db.Append(t.Context(), firn.To("s-1", firn.Any, firn.Draft{Type: "Lost"})); err != nil {
		t.Fatal(err)
	}
	mark := caughtUp(t, db, firn.Query{All: true, From: firn.EndPoint()})

	join := ""
	c := servertest.StartWith(t, 3, func(i int, c *server.Config) {
		c.Heartbeat = time.Second // images and elections on a busy machine
		if i == 0 {
			join, c.Dir, c.Bootstrap = c.Listen.Client, to, c.Bootstrap[:1]
			return
		}
		c.Bootstrap, c.Join = nil, join
	})
	restored := servertest.Dial(t, c.Addresses, client.Options{Timeout: time.Minute})
	if _, err := restored.Append(t.Context(), firn.To("s-1", firn.Any, firn.Draft{Type: "Another"})); err != nil {
		t.Fatal(err)
	}
	log := servertest.Agree(t, restored, c.Address(0), c.Address(1), c.Address(2))
	if len(log) < 21 || log[len(log)-1].Type == "Lost" {
		t.Errorf("the restored cluster has %d events, the last of type %s", len(log), log[len(log)-1].Type)
	}
	now := caughtUp(t, restored, firn.Query{All: true, From: firn.EndPoint()})
	if now.History == mark.History || now.History != done.History || mark.History != done.Before {
		t.Errorf("the history was %v and is %v; the restore said %+v", mark.History, now.History, done)
	}
	for m, err := range restored.Subscribe(t.Context(), firn.Query{All: true, From: firn.PositionPoint(mark.At + 1), History: mark.History}) {
		if !errors.Is(err, firn.ErrOtherHistory) {
			t.Errorf("a subscriber that was fed from the lost history goes on with %+v, %v", m, err)
		}
		break
	}
}

// caughtUp returns the first mark of a subscription that says so.
func caughtUp(t *testing.T, db firn.Store, q firn.Query) firn.Mark {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for m, err := range db.Subscribe(ctx, q) {
		if err != nil {
			t.Fatal(err)
		}
		if m.Mark != nil && m.Mark.Kind == firn.CaughtUp {
			return *m.Mark
		}
	}
	t.Fatal("the subscription has ended")
	return firn.Mark{}
}

// TestBackupInterrupted kills whoever takes a backup, the node that it is taken
// from, and whoever restores it: nothing is broken, and each can be run again.
func TestBackupInterrupted(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 1)
	db := p.Dial()
	data := make([]byte, 64<<10)
	source := rand.NewChaCha8([32]byte{1})
	for range 64 {
		source.Read(data) // does not compress
		if _, err := db.Append(t.Context(), firn.To("large-1", firn.Any, firn.Draft{Type: "Large", ContentType: "application/octet-stream", Data: data})); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(t.TempDir(), "backups")
	firnCommand := func(args ...string) *exec.Cmd {
		return exec.Command(servertest.Binary(t), append(args, "--addr", p.Addresses)...)
	}
	must := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(servertest.Binary(t), args...).CombinedOutput(); err != nil {
			t.Fatalf("firn %v: %v\n%s", args, err, out)
		}
	}
	begun := func() bool { // a file of the backup is being received
		files, _ := filepath.Glob(filepath.Join(dir, "unfinished", "*.sst"))
		return len(files) > 0
	}

	cut := firnCommand("backup", dir, "--rate", "256KiB")
	if err := cut.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "a backup is on its way", begun)
	if err := cut.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cut.Wait()
	outbox := filepath.Join(p.Dir(0), "outbox", "*")
	await(t, "the node has let go of its copy", func() bool {
		left, _ := filepath.Glob(outbox)
		return len(left) == 0
	})
	if out, err := exec.Command(servertest.Binary(t), "backup", dir, "--list").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("a backup that was cut off is listed: %s (%v)", out, err)
	}

	cut = firnCommand("backup", dir, "--rate", "256KiB", "--timeout", "2s")
	if err := cut.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, "a backup is on its way again", begun)
	p.Kill(0)
	if err := cut.Wait(); cut.ProcessState.ExitCode() != 5 {
		t.Errorf("its node was killed, and the backup ended with %v", err)
	}
	p.Run(0)
	db = p.Dial()
	if _, err := db.Append(t.Context(), firn.To("large-1", firn.At(63), firn.Draft{Type: "Large"})); err != nil {
		t.Fatal(err)
	}
	must("backup", dir, "--addr", p.Addresses)
	must("backup", dir, "--verify")

	to := filepath.Join(t.TempDir(), "restored")
	work := to + ".restoring"
	for i := range 3 {
		cut = exec.Command(servertest.Binary(t), "restore", dir, "--to", to)
		if err := cut.Start(); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			await(t, "a restore has begun", func() bool {
				_, begun := os.Stat(filepath.Join(work, []string{"LOCK", "engine"}[i]))
				_, done := os.Stat(to)
				return begun == nil || done == nil
			})
			cut.Process.Kill()
		}
		if err := cut.Wait(); err == nil {
			break // also when it was quicker than its killer
		}
		if _, err := os.Stat(to); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("a restore was cut off, and %s is there (%v)", to, err)
		}
	}
	restored, err := server.Embed(to, server.EmbedOptions{CacheBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	head, _, err := restored.Head(t.Context(), firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	if was, is := logHash(t, db, head), logHash(t, restored, head); was != is || head < 65 {
		t.Errorf("up to position %d the hash of the log was %s, restored it is %s", head, was, is)
	}
}

// await returns once something has come about.
func await(t *testing.T, what string, come func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !come(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute: not that %s", what)
		}
	}
}
