package upcaster

import (
	"fmt"

	"github.com/firndb/firn"
)

// Upcaster is an upcaster written in Go. It runs in the client, on events that
// the cluster's declared upcasters have been applied to, and may do what those
// cannot: make several events of one, or none. It is called by several
// goroutines at once, and does not change the bytes that it is given.
type Upcaster interface {
	// Upcast returns what an event is today. Of each returned event the type is
	// another one, or the schema version a later one. Where an event stands (its
	// stream, revision, position, time, id, actor, and place in its append)
	// cannot be changed: all that is made of one event shares its place.
	Upcast(e firn.Event) ([]firn.Event, error)
}

// Func makes a function an [Upcaster].
type Func func(firn.Event) ([]firn.Event, error)

func (f Func) Upcast(e firn.Event) ([]firn.Event, error) { return f(e) }

// The limits of what becomes of one event.
const (
	PiecesMax = 1000 // events made of one
	RoundsMax = 100  // upcasters one after another
)

// Functions are the Go upcasters of a client, by the type and version that they
// take. The zero Functions is empty. Add all of them, then use it from any number
// of goroutines.
type Functions struct {
	from map[typeVersion]Upcaster
}

type typeVersion struct {
	typ     string
	version uint32
}

// Add registers the upcaster for the events of a type and schema version; 0
// counts as 1. It fails where there is one already.
func (f *Functions) Add(typ string, from uint32, u Upcaster) error {
	key := typeVersion{typ, version(from)}
	switch {
	case checkType(typ) != "":
		return firn.Errorf(firn.ErrInvalid, "the type %q: %s", clip(typ), checkType(typ))
	case u == nil:
		return firn.Errorf(firn.ErrInvalid, "the upcaster for %q, version %d, is nil", clip(typ), key.version)
	case f.from[key] != nil:
		return firn.Errorf(firn.ErrAlreadyExists, "there is an upcaster for %q, version %d, already", clip(typ), key.version)
	}
	if f.from == nil {
		f.from = map[typeVersion]Upcaster{}
	}
	f.from[key] = u
	return nil
}

// Applies reports whether there is an upcaster for the event. It allocates
// nothing.
func (f *Functions) Applies(e *firn.Event) bool {
	return len(f.from) > 0 && f.from[typeVersion{e.Type, version(e.Schema)}] != nil
}

// Apply returns what an event is today, each piece upcast as far as there are
// upcasters, in order. A reader takes a checkpoint only behind the last piece.
// The error is an *Error, and the event then to be delivered as it is.
func (f *Functions) Apply(e firn.Event) ([]firn.Event, error) {
	pieces, err := f.apply(nil, e, e, 0)
	if err != nil {
		return nil, err
	}
	return pieces, nil
}

// apply appends what becomes of one piece of an event.
func (f *Functions) apply(done []firn.Event, whole, piece firn.Event, rounds int) ([]firn.Event, error) {
	fail := func(format string, args ...any) error {
		return &Error{Upcaster: "in Go", Type: whole.Type, Schema: whole.Schema,
			Step: fmt.Sprintf("%s %d", clip(piece.Type), version(piece.Schema)), Reason: fmt.Sprintf(format, args...)}
	}
	if !f.Applies(&piece) {
		if len(done) == PiecesMax {
			return nil, fail("more than %d events are made of it", PiecesMax)
		}
		return append(done, piece), nil
	}
	if rounds == RoundsMax {
		return nil, fail("%d upcasters were applied one after another; do they lead in a circle?", RoundsMax)
	}
	next, err := f.from[typeVersion{piece.Type, version(piece.Schema)}].Upcast(piece)
	if err != nil {
		return nil, fail("%v", err)
	}
	for _, n := range next {
		if n.Type == piece.Type && version(n.Schema) <= version(piece.Schema) {
			return nil, fail("it gives version %d of the same type, which is not a later one", version(n.Schema))
		}
		if why := checkType(n.Type); why != "" {
			return nil, fail("it gives the type %q: %s", clip(n.Type), why)
		}
		n.Stream, n.Revision, n.Position, n.Time = whole.Stream, whole.Revision, whole.Position, whole.Time
		n.ID, n.Actor, n.Index, n.Count = whole.ID, whole.Actor, whole.Index, whole.Count
		if done, err = f.apply(done, whole, n, rounds+1); err != nil {
			return nil, err
		}
	}
	return done, nil
}
