package snapshot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/firndb/firn"
)

// Fold turns events into state. It may be used by many goroutines at once.
type Fold interface {
	Name() string

	// Version is a hash of all that states depend on: the program, what runs it,
	// and the upcasters that can touch the events, for which the caller gives a
	// hash of them (nil: there are none).
	Version(upcasters []byte) firn.FoldVersion

	// Start returns a state to go on from: one that a [State] of this fold gave
	// as JSON, or with nil the initial one.
	Start(state []byte) (State, error)
}

// State is a state while it is computed. It belongs to one goroutine.
type State interface {
	// Apply adds an event. The state keeps nothing of it. After an error the
	// state is not to be used any more.
	Apply(ctx context.Context, e *firn.Event) error

	// JSON returns the state as compact JSON, of at most firn.SnapshotBytesMax
	// bytes; one that is larger is an ErrTooLarge. The bytes are the caller's.
	JSON() ([]byte, error)
}

// versionOf hashes parts, each with its length.
func versionOf(parts ...[]byte) (v firn.FoldVersion) {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:", len(part))
		h.Write(part)
	}
	copy(v[:], h.Sum(nil))
	return v
}

// failed says at which event a fold failed. The caller's context ending is not
// the event's fault.
func failed(ctx context.Context, fold string, e *firn.Event, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &firn.Error{
		Kind: firn.ErrProgram, Stream: e.Stream, Positions: []firn.Position{e.Position},
		Message: where(fold, e) + err.Error(),
	}
}

// where is the beginning of the message of a fold's failure.
func where(fold string, e *firn.Event) string {
	return fmt.Sprintf("the fold %s fails at revision %d of stream %q (position %d, type %.64q): ", fold, e.Revision, e.Stream, e.Position, e.Type)
}

func tooLarge(fold string, n int) error {
	return firn.Errorf(firn.ErrTooLarge, "the state of the fold %s has %d bytes; at most %d are allowed", fold, n, firn.SnapshotBytesMax)
}

// New returns a fold in Go. The version is the caller's word: give another one
// whenever apply, or the JSON form of S, comes to mean something else, since
// snapshots of the same version are trusted. States are written and read with
// encoding/json, and the state that is read back must be the one that was
// written. A panic in apply is an error of the event.
func New[S any](name, version string, initial func() S, apply func(*S, *firn.Event) error) (Fold, error) {
	if err := firn.CheckFoldName(name); err != nil {
		return nil, err
	}
	if version == "" {
		return nil, firn.Errorf(firn.ErrInvalid, "the fold %s has no version; give it one, and another one whenever it changes", name)
	}
	return &goFold[S]{name, version, initial, apply}, nil
}

type goFold[S any] struct {
	name, version string
	initial       func() S
	apply         func(*S, *firn.Event) error
}

func (f *goFold[S]) Name() string { return f.name }

func (f *goFold[S]) Version(upcasters []byte) firn.FoldVersion {
	return versionOf([]byte("go"), []byte(f.name), []byte(f.version), upcasters)
}

func (f *goFold[S]) Start(state []byte) (State, error) {
	s := &goState[S]{fold: f, value: f.initial()}
	if state != nil {
		if err := json.Unmarshal(state, &s.value); err != nil {
			return nil, firn.Errorf(firn.ErrDamaged, "a state of the fold %s cannot be read: %v", f.name, err)
		}
	}
	return s, nil
}

type goState[S any] struct {
	fold  *goFold[S]
	value S
}

func (s *goState[S]) Apply(ctx context.Context, e *firn.Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = failed(ctx, s.fold.name, e, fmt.Errorf("panic: %v", r))
		}
	}()
	if err := s.fold.apply(&s.value, e); err != nil {
		return failed(ctx, s.fold.name, e, err)
	}
	return nil
}

func (s *goState[S]) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s.value); err != nil {
		return nil, firn.Errorf(firn.ErrProgram, "a state of the fold %s cannot be written: %v", s.fold.name, err)
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(text) > firn.SnapshotBytesMax {
		return nil, tooLarge(s.fold.name, len(text))
	}
	return text, nil
}
