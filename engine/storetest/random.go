package storetest

import (
	"math/rand/v2"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/testenv"
)

// Option says what is special about a store under [Random].
type Option func(*options)

type options struct {
	model   firn.MemoryOptions
	restart func(t *testing.T) firn.Store
	every   int
	retries bool
}

// Window tells the model within how many positions the store recognises a
// repetition, where a test has made that fewer than 4 Mi.
func Window(positions uint64) Option { return func(o *options) { o.model.Window = positions } }

// Restart has the store closed and opened again, about once in every so many
// operations. The function returns the store to go on with: the same data,
// whether it was closed cleanly or not.
func Restart(every int, again func(t *testing.T) firn.Store) Option {
	return func(o *options) { o.every, o.restart = every, again }
}

// Retries says that the store is a client, which repeats an append whose answer
// was lost: then the answer to what the model appends now may be that it repeats
// an earlier append, the client's own. Everything else in it stays the same.
func Retries() Option { return func(o *options) { o.retries = true } }

// Random drives an empty store and the model with the same random operations
// and compares their answers.
func Random(t *testing.T, open func(t *testing.T) firn.Store, steps int, with ...Option) {
	var o options
	for _, set := range with {
		set(&o)
	}
	seed := testenv.Seed(t)

	c := newComparison(seed, open(t), firn.NewMemory(o.model))
	c.retries = o.retries
	defer c.dismiss()
	restarts := rand.New(rand.NewPCG(seed, 1)) // apart, so that the operations are the same without
	for range steps {
		if o.restart != nil && restarts.IntN(o.every) == 0 {
			c.store.Store = o.restart(t)
		}
		if err := c.step(t.Context(), c.next(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
}
