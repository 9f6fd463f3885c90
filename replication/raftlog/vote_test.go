package raftlog

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A follower wrote the term of a vote, and its process was killed before it
// wrote the candidate. When it came back, the candidate of an older vote stood
// beside the new term: it took a request of that old candidate for one that it
// had granted, and granted it without looking at the log. The old candidate
// lacked committed entries, and became leader.
func TestVoteCutInHalf(t *testing.T) {
	grantsAgain := func(storeHalves bool) (granted bool) {
		synctest.Test(t, func(t *testing.T) {
			disk := vfs.NewCrashableMem()
			l, err := Open(dir, Options{FS: disk, OnFatal: func(err error) { t.Error(err) }})
			must(t, err)
			l.stable.storeHalves = storeHalves
			r, in := start(t, l, nil)
			if !in.vote(t, "a", 2, 1, 1) {
				t.Error("term 2: f did not vote for a")
			}
			if !in.append(t, "b", 3, 1, 1, entries(2, 20, 3), 20) {
				t.Error("term 3: f did not take b's entries, which are committed by b and f")
			}
			// Term 4: b asks, and f is killed between the two halves.
			must(t, l.SetUint64([]byte(nameCurrentTerm), 4))
			must(t, l.SetUint64([]byte(nameVoteTerm), 4))
			if term, err := l.GetUint64([]byte(nameVoteTerm)); term != 4 || err != nil {
				t.Errorf("the term that is held back reads as %d, %v", term, err)
			}
			killed := disk.CrashClone(vfs.CrashCloneCfg{})
			must(t, r.Shutdown().Error())
			must(t, l.Close())

			l, err = Open(dir, Options{FS: killed, OnFatal: func(err error) { t.Error(err) }})
			must(t, err)
			r, in = start(t, l, nil)
			granted = in.vote(t, "a", 4, 1, 1) // a's log ends at 1
			if !granted && !in.vote(t, "b", 4, 20, 3) {
				t.Error("f does not vote for b in term 4, although it voted for nobody")
			}
			must(t, r.Shutdown().Error())
			must(t, l.Close())
		})
		return granted
	}
	if grantsAgain(false) {
		t.Error("f voted for a, whose log lacks what f has")
	}
	if !grantsAgain(true) {
		t.Error("with both halves written one by one f refused too: the test shows nothing")
	}
}

// Damage, or a disk that fails, under a running Raft stops that Raft. Neither
// ends the process, and Shutdown works.
func TestFailureUnderRaft(t *testing.T) {
	for name, fail := range map[string]func(*testing.T, *Log, *inbound){
		"a damaged entry that is committed": func(t *testing.T, l *Log, in *inbound) {
			if !in.append(t, "b", 3, 1, 1, entries(2, 20, 3), 1) {
				t.Error("f did not take b's entries")
			}
			must(t, l.db.Delete(entryKey(10), pebble.Sync))
			in.append(t, "b", 3, 20, 3, nil, 20)
		},
		"the disk": func(t *testing.T, l *Log, in *inbound) {
			l.fail(errors.New("the disk is gone"))
			if in.append(t, "b", 3, 1, 1, entries(2, 20, 3), 1) {
				t.Error("f took entries that it cannot store")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fatal := make(chan error, 1)
				l, err := Open(dir, Options{FS: vfs.NewMem(), OnFatal: func(err error) { fatal <- err }})
				must(t, err)
				r, in := start(t, l, nil)
				fail(t, l, in)
				if err := <-fatal; err == nil {
					t.Error("OnFatal was told nothing")
				}
				if in.vote(t, "b", 9, 20, 3) {
					t.Error("it votes")
				}
				must(t, r.Shutdown().Error())
				_ = l.Close()
			})
		})
	}
}
