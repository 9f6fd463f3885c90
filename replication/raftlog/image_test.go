package raftlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// fakeImages keeps what it receives in memory.
type fakeImages struct {
	received map[string]*bytes.Buffer
	finished map[string]bool
	produce  *Image
	spoil    error
}

func (f *fakeImages) Produce(context.Context) (*Image, error) {
	if f.produce == nil {
		return nil, errors.New("none")
	}
	return f.produce, nil
}

func (f *fakeImages) Receive(id string, _ raft.SnapshotMeta) (Receiver, error) {
	f.received[id] = &bytes.Buffer{}
	return fakeReceiver{f, id}, nil
}

type fakeReceiver struct {
	*fakeImages
	id string
}

func (r fakeReceiver) Write(p []byte) (int, error) { return r.received[r.id].Write(p) }
func (r fakeReceiver) Abort()                      { delete(r.received, r.id) }
func (r fakeReceiver) Finish() error {
	if r.spoil != nil {
		r.Abort()
		return r.spoil
	}
	r.finished[r.id] = true
	return nil
}

func newImages() *fakeImages {
	return &fakeImages{received: map[string]*bytes.Buffer{}, finished: map[string]bool{}}
}

func (i *inbound) install(t *testing.T, index, term, leaderTerm uint64, size int64, data io.Reader) (bool, error) {
	t.Helper()
	a, err := i.call(&raft.InstallSnapshotRequest{RPCHeader: header("b"), SnapshotVersion: 1, Term: leaderTerm, Leader: []byte("b"),
		LastLogIndex: index, LastLogTerm: term, Configuration: raft.EncodeConfiguration(voters), ConfigurationIndex: 1, Size: size}, data)
	if err != nil {
		return false, err
	}
	return a.(*raft.InstallSnapshotResponse).Success, nil
}

// A follower that held entries of a leader that lost was sent an image. Raft
// kept the old entries beside it, compared the next ones with them, refused, was
// sent the image again, and so on for ever. Now the log takes nothing once
// the image is there, the replica is opened again, the entries go, and the next
// ones are taken.
func TestImageOverADivergentLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := vfs.NewCrashableMem()
		images := newImages()
		l := open(t, disk)
		r, in := start(t, l, images)
		if !in.append(t, "a", 2, 1, 1, entries(2, 100, 2), 1) || !in.vote(t, "b", 3, 200, 2) {
			t.Fatal("f does not follow")
		}
		if ok, err := in.install(t, 50, 3, 3, 5, strings.NewReader("image")); !ok || err != nil {
			t.Fatalf("the image was not taken: %v", err)
		}
		if in.append(t, "b", 3, 50, 3, entries(51, 52, 3), 50) {
			t.Error("entries were taken before the replica was opened from the image")
		}
		if !in.vote(t, "b", 4, 200, 3) {
			t.Error("f does not vote while an image waits")
		}
		must(t, r.Shutdown().Error())
		killed := disk.CrashClone(vfs.CrashCloneCfg{})

		l = open(t, killed)
		id, meta, ok := l.Received()
		if !ok || id != "image-3-50" || meta.Index != 50 || meta.Term != 3 || len(meta.Configuration.Servers) != 3 {
			t.Fatalf("received: %q, %+v, %v", id, meta, ok)
		}
		if !images.finished[id] || images.received[id].String() != "image" {
			t.Errorf("the image %s is %q, finished: %v", id, images.received[id], images.finished[id])
		}
		must(t, l.Adopt())
		if got := bounds(t, l); got != [2]uint64{0, 0} {
			t.Errorf("after adopting, the entries are %v", got)
		}
		if candidate, err := l.Get([]byte(nameVoteCand)); string(candidate) != "b" || err != nil {
			t.Errorf("after adopting, the vote is for %q, %v", candidate, err)
		}
		r, in = start(t, l, images)
		if !in.append(t, "b", 4, 50, 3, entries(51, 52, 4), 52) {
			t.Error("the entries behind the image were refused")
		}
		must(t, r.Shutdown().Error())
	})
}

// An image that is cut off, or that turns out to be damaged, changes nothing.
func TestImageNotTaken(t *testing.T) {
	for name, c := range map[string]struct {
		data  io.Reader
		size  int64
		spoil error
	}{
		"cut off":    {strings.NewReader("ima"), 5, nil},
		"damaged":    {strings.NewReader("image"), 5, errors.New("a checksum")},
		"no bytes":   {strings.NewReader(""), 0, nil},
		"read error": {io.MultiReader(strings.NewReader("im"), brokenReader{}), 5, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				images := newImages()
				images.spoil = c.spoil
				l := open(t, vfs.NewMem())
				r, in := start(t, l, images)
				if ok, err := in.install(t, 50, 3, 3, c.size, c.data); ok || err == nil {
					t.Errorf("it was taken: %v, %v", ok, err)
				}
				if _, _, ok := l.Received(); ok || len(images.received) != 0 {
					t.Errorf("something of it is left: %v, %v", ok, images.received)
				}
				if !in.append(t, "b", 3, 1, 1, entries(2, 3, 3), 2) {
					t.Error("entries are refused afterwards")
				}
				must(t, r.Shutdown().Error())
			})
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the connection broke") }

// Raft's own snapshot lets go of the log's beginning, and is sent as an image
// that may be newer.
func TestOwnSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		images := newImages()
		l := open(t, vfs.NewMem())
		r, in := start(t, l, images)
		if !in.append(t, "b", 3, 1, 1, entries(2, 40, 3), 30) {
			t.Fatal("f does not follow")
		}
		synctest.Wait()
		must(t, r.Snapshot().Error())
		if got := bounds(t, l); got != [2]uint64{31, 40} {
			t.Errorf("after a snapshot at 30 the entries are %v", got)
		}
		s := NewSnapshots(l, images)
		list, err := s.List()
		if err != nil || len(list) != 1 || list[0].Index != 30 || list[0].Term != 3 || list[0].Size != 0 {
			t.Fatalf("the snapshots: %v, %v", list, err)
		}
		images.produce = &Image{Index: 33, Term: 3, Configuration: voters, ConfigurationIndex: 1, Size: 4, Data: io.NopCloser(strings.NewReader("data"))}
		meta, data, err := s.Open(list[0].ID)
		must(t, err)
		got, err := io.ReadAll(data)
		if err != nil || string(got) != "data" || meta.Index != 33 || meta.Size != 4 || meta.ID != "image-3-33" {
			t.Errorf("opened: %+v, %q, %v", meta, got, err)
		}
		images.produce.Index = 29
		if _, _, err := s.Open(list[0].ID); err == nil {
			t.Error("an image older than the snapshot was taken")
		}
		if _, _, err := s.Open("image-1-1"); err == nil {
			t.Error("a snapshot that is not there was opened")
		}
		if _, err := s.Create(1, 29, 3, voters, 1, nil); err == nil {
			t.Error("an image older than the snapshot may come in")
		}
		sink, err := s.Create(1, 35, 3, voters, 1, nil)
		must(t, err)
		if err := sink.Close(); err == nil {
			t.Error("a snapshot counts although nothing was flushed for it")
		}
		must(t, r.Shutdown().Error())
	})
}

// Where the log agrees with the image, the entries behind it are kept: others
// may count on them.
func TestAdoptKeepsWhatWasAcknowledged(t *testing.T) {
	for name, c := range map[string]struct {
		index, term uint64
		want        [2]uint64
	}{
		"the log agrees":              {50, 1, [2]uint64{51, 100}},
		"the log differs":             {50, 2, [2]uint64{0, 0}},
		"the log ends before":         {200, 1, [2]uint64{0, 0}},
		"the log ends there":          {100, 1, [2]uint64{0, 0}},
		"it is the newest snapshot's": {30, 1, [2]uint64{31, 100}},
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t, vfs.NewMem())
			must(t, l.StoreLogs(entries(1, 100, 1)))
			snapshotAt(t, l, 30, 1)
			must(t, l.DeleteRange(1, 30))
			sink, err := NewSnapshots(l, newImages()).Create(1, c.index, c.term, three, 1, nil)
			must(t, err)
			_, err = fmt.Fprint(sink, "image")
			must(t, err)
			must(t, sink.Close())
			must(t, sink.Close())
			must(t, sink.Cancel())
			must(t, l.Adopt())
			if got := bounds(t, l); got != c.want {
				t.Errorf("the entries are %v, want %v", got, c.want)
			}
			if meta, ok := l.Snapshot(); !ok || meta.Index != c.index || meta.Term != c.term {
				t.Errorf("the snapshot is %+v", meta)
			}
			if err := l.Adopt(); err == nil {
				t.Error("adopted twice")
			}
			must(t, l.StoreLogs(entries(max(c.index, c.want[1])+1, max(c.index, c.want[1])+1, 5)))
			must(t, l.Reset(raft.SnapshotMeta{Index: 500, Term: 9, Configuration: three}))
			must(t, l.StoreLogs(entries(501, 501, 9)))
		})
	}
}
