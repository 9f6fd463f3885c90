package raftlog

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/planted"
)

// The keys that Raft uses, by which the two halves of a vote are recognised.
const (
	nameCurrentTerm = "CurrentTerm"
	nameVoteTerm    = "LastVoteTerm"
	nameVoteCand    = "LastVoteCand"
)

// errNotFound has the text by which Raft tells a value that was never set from
// a store that fails.
var errNotFound = errors.New("not found")

// stable is the part of Log that is a raft.StableStore.
type stable struct {
	// storeHalves makes the two halves of a vote durable one by one, as stores
	// usually do. Set by a test that shows what is wrong with it.
	storeHalves bool

	// guarded by mu, which is held while a value is written
	mu     sync.Mutex
	values map[string][]byte // what is on disk
	held   []byte            // LastVoteTerm, not yet written; nil: nothing is held back
}

// Get returns a value, or the error "not found".
func (l *Log) Get(name []byte) ([]byte, error) {
	if err := l.alive(); err != nil {
		return nil, err
	}
	l.stable.mu.Lock()
	defer l.stable.mu.Unlock()
	if l.stable.held != nil && string(name) == nameVoteTerm {
		return append([]byte{}, l.stable.held...), nil
	}
	value, ok := l.stable.values[string(name)]
	if !ok {
		return nil, errNotFound
	}
	return append([]byte{}, value...), nil
}

// GetUint64 returns a value that SetUint64 set, 0 if it was never set.
func (l *Log) GetUint64(name []byte) (uint64, error) {
	value, err := l.Get(name)
	if errors.Is(err, errNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, firn.Errorf(firn.ErrInternal, "the value %q in the Raft log in %s has %d bytes, a number has 8", name, l.dir, len(value))
	}
	return binary.BigEndian.Uint64(value), nil
}

// Set stores a value, synced; LastVoteCand together with LastVoteTerm.
func (l *Log) Set(name, value []byte) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	s := &l.stable
	s.mu.Lock()
	defer s.mu.Unlock()
	b := l.db.NewBatch()
	writes := map[string][]byte{string(name): append([]byte{}, value...)}
	if string(name) == nameVoteCand && s.held != nil {
		writes[nameVoteTerm] = s.held
	}
	for name, value := range writes {
		key := stableKey([]byte(name))
		if err := b.Set(key, seal(key, value), nil); err != nil {
			return l.fail(err)
		}
	}
	if err := l.commit(b); err != nil {
		return err
	}
	for name, value := range writes {
		s.values[name] = value
	}
	if _, ok := writes[nameVoteTerm]; ok {
		s.held = nil
	}
	return nil
}

// SetUint64 stores a number, synced, except for LastVoteTerm: see the package
// comment. A number that is stored already is not written again. After
// [Log.Running], failing to write CurrentTerm ends the calling goroutine.
func (l *Log) SetUint64(name []byte, value uint64) error {
	if string(name) == nameVoteTerm && !l.stable.storeHalves && !planted.Is(planted.VoteInHalves) { // a crash may leave the term without the candidate
		return l.hold(value)
	}
	if current, err := l.GetUint64(name); err == nil && current == value {
		return nil
	}
	err := l.Set(name, binary.BigEndian.AppendUint64(nil, value))
	if err != nil && string(name) == nameCurrentTerm {
		l.endCaller()
	}
	return err
}

// hold keeps LastVoteTerm in memory until the candidate is known.
func (l *Log) hold(term uint64) error {
	if err := l.enter(); err != nil {
		return err
	}
	defer l.leave()
	l.stable.mu.Lock()
	defer l.stable.mu.Unlock()
	l.stable.held = binary.BigEndian.AppendUint64(nil, term)
	return nil
}
