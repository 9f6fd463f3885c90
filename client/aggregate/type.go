package aggregate

import (
	"crypto/sha256"
	"encoding/json"

	"github.com/firndb/firn"
)

// Type is a kind of aggregate whose state is an S.
type Type[S any] struct {
	// Category begins the streams' names: the aggregate 42 of the category cart is
	// the stream cart-42. Without '-'.
	Category string

	// Initial is the state before the first event; nil: the zero S.
	Initial func() S

	// Apply is the state after an event. It must follow from its arguments
	// alone, and may change the state that it is given. An event that it does
	// not know it leaves aside; an error ends the loading.
	Apply func(S, firn.Event) (S, error)

	// Version names this form of Apply and of S. "": no snapshots are read or
	// kept.
	Version string

	// Encode and Decode turn a state into a snapshot's bytes and back; nil: JSON.
	Encode func(S) ([]byte, error)
	Decode func([]byte) (S, error)
}

// check says what is missing, or nil.
func (t *Type[S]) check() error {
	if err := firn.CheckCategory(t.Category); err != nil {
		return err
	}
	if t.Apply == nil {
		return firn.Errorf(firn.ErrInvalid, "the aggregate %q has no Apply", t.Category)
	}
	if (t.Encode == nil) != (t.Decode == nil) {
		return firn.Errorf(firn.ErrInvalid, "the aggregate %q has one of Encode and Decode; give both or none", t.Category)
	}
	return nil
}

// Stream returns the name of an aggregate's stream.
func (t *Type[S]) Stream(id string) string { return t.Category + "-" + id }

// Start returns the state before the first event.
func (t *Type[S]) Start() S {
	if t.Initial != nil {
		return t.Initial()
	}
	var zero S
	return zero
}

// fold names the aggregate's snapshots, and says under which version they are
// kept.
func (t *Type[S]) fold() (name string, version firn.FoldVersion) {
	sum := sha256.Sum256([]byte("go\x00" + t.Category + "\x00" + t.Version))
	copy(version[:], sum[:])
	return "go." + t.Category, version
}

func (t *Type[S]) encode(s S) ([]byte, error) {
	if t.Encode != nil {
		return t.Encode(s)
	}
	return json.Marshal(s)
}

func (t *Type[S]) decode(b []byte) (s S, err error) {
	if t.Decode != nil {
		return t.Decode(b)
	}
	err = json.Unmarshal(b, &s)
	return s, err
}
