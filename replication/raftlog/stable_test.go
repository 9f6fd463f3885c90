package raftlog

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// What Raft expects of a stable store, call by call.
func TestStable(t *testing.T) {
	l := open(t, vfs.NewMem())
	if value, err := l.Get([]byte(nameVoteCand)); value != nil || err == nil || err.Error() != "not found" {
		t.Errorf("a value that was never set: %q, %v; Raft compares the text", value, err)
	}
	if n, err := l.GetUint64([]byte(nameCurrentTerm)); n != 0 || err != nil {
		t.Errorf("a number that was never set: %d, %v", n, err)
	}
	must(t, l.SetUint64([]byte(nameCurrentTerm), 0))
	must(t, l.SetUint64([]byte(nameCurrentTerm), 1<<63))
	if n, err := l.GetUint64([]byte(nameCurrentTerm)); n != 1<<63 || err != nil {
		t.Errorf("a number: %d, %v", n, err)
	}
	must(t, l.Set([]byte("mine"), nil))
	if value, err := l.Get([]byte("mine")); len(value) != 0 || err != nil {
		t.Errorf("an empty value: %q, %v", value, err)
	}
	if _, err := l.GetUint64([]byte("mine")); err == nil {
		t.Error("an empty value is taken for a number")
	}
	given := []byte("a")
	must(t, l.Set([]byte(nameVoteCand), given))
	given[0] = 'b'
	if value, err := l.Get([]byte(nameVoteCand)); string(value) != "a" || err != nil {
		t.Errorf("the value changed with the caller's bytes: %q, %v", value, err)
	}
}

// The two halves of a vote reach the disk together: a numbered batch more, and
// not two.
func TestVoteIsOneBatch(t *testing.T) {
	l := open(t, vfs.NewMem())
	before := l.tail.count
	must(t, l.SetUint64([]byte(nameVoteTerm), 5))
	if l.tail.count != before || l.stable.values[nameVoteTerm] != nil {
		t.Error("half a vote was written")
	}
	must(t, l.Set([]byte(nameVoteCand), []byte("a")))
	if l.tail.count != before+1 || len(l.stable.values[nameVoteTerm]) != 8 {
		t.Errorf("a vote took %d batches, the term is %x", l.tail.count-before, l.stable.values[nameVoteTerm])
	}
}
