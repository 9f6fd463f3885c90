package firn

import (
	"context"
	"encoding/hex"
	"iter"
)

// Limits of snapshots.
const (
	SnapshotBytesMax = 4 << 20 // of a state
	FoldNameBytesMax = 128
	StreamFoldsMax   = 16 // folds of which one stream keeps snapshots
)

// FoldVersion tells one form of a fold from another: a hash of all that its
// states depend on. A snapshot made under one version is never given to another.
type FoldVersion [16]byte

func (v FoldVersion) String() string { return hex.EncodeToString(v[:]) }

// Snapshot is a fold's state of one stream at one revision. It is no event: it
// shows in no read, and can be left out without changing any answer but its
// time.
type Snapshot struct {
	Stream   string
	Fold     string
	Version  FoldVersion
	Revision Revision // of the last event that is in the state
	State    []byte   // opaque to the store
	Partial  bool     // the beginning of the stream was hidden when the state was made
}

// Check says what is wrong with a snapshot by itself, or nil.
func (s *Snapshot) Check() error {
	if err := CheckStreamName(s.Stream); err != nil {
		return err
	}
	if err := CheckFoldName(s.Fold); err != nil {
		return err
	}
	if len(s.State) > SnapshotBytesMax {
		return Errorf(ErrTooLarge, "a snapshot of stream %.64q with %d bytes; at most %d are allowed", s.Stream, len(s.State), SnapshotBytesMax)
	}
	return nil
}

// CheckFoldName says what is wrong with a fold's name, or nil: 1 to 128 letters,
// digits, '.', '_' and '-'.
func CheckFoldName(name string) error {
	if name == "" || len(name) > FoldNameBytesMax {
		return Errorf(ErrInvalid, "the fold's name %.64q has %d bytes; give it 1 to %d", name, len(name), FoldNameBytesMax)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return Errorf(ErrInvalid, "the fold's name %.64q has %q in it; letters, digits, '.', '_' and '-' are allowed", name, c)
		}
	}
	return nil
}

// LoadQuery asks for what a fold needs to come to a stream's state.
type LoadQuery struct {
	Stream  string
	Fold    string
	Version FoldVersion
	Bound   Point // zero: now
	Raw     bool  // events as stored, not upcast

	Consistency Consistency
}

// Loaded is the newest snapshot that fits, and the events behind it.
type Loaded struct {
	Snapshot *Snapshot               // nil: there is none that fits, so Events begin with the first visible one
	Events   iter.Seq2[Event, error] // in order of revision; to be walked through once, before the context ends
	Revision Revision                // the stream's last one in that past, visible or not
	Version  FoldVersion             // under which a snapshot of what was loaded is to be saved
	Position Position                // the past that was loaded: nothing behind it is seen
	Open     bool                    // asked as of a moment that later events may still fall into
	Partial  bool                    // the beginning of the stream is hidden, and no snapshot stands for it
}

// Snapshots is what a store offers beside [Store] that keeps snapshots.
type Snapshots interface {
	// SaveSnapshot keeps a snapshot, durably like an append. Which of a stream's
	// snapshots are kept for how long is the store's affair.
	//
	// Errors: ErrNotFound, ErrDeleted, ErrTombstoned; ErrConflict where the
	// stream has no such revision, or was deleted behind it.
	SaveSnapshot(ctx context.Context, s Snapshot) error

	// Load finds the newest snapshot that fits the fold's version and the bound,
	// and the events behind it, in one round trip. A snapshot that is damaged is
	// passed over. Errors are those of [Store.Read] of the stream.
	Load(ctx context.Context, q LoadQuery) (Loaded, error)
}
