package storetest

import (
	"errors"
	"fmt"

	"github.com/firndb/firn"
)

// guarantees checks what a watch has heard so far, in the words of both stores.
// It returns the first fault.
func (c *comparison) guarantees(w *watch) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := c.log
	log.Differs = func(got, want *firn.Message) string {
		if want.Mark != nil {
			return twoLines(c.store.mark(got.Mark), c.model.mark(want.Mark))
		}
		return twoLines(c.store.event(got.Event), c.model.event(want.Event))
	}
	return w.heard.Check(&log)
}

func twoLines(store, model string) string {
	if store == model {
		return ""
	}
	return fmt.Sprintf("\nstore: %s\nmodel: %s", store, model)
}

// ending says what is wrong with the error that a watch has ended with, nil
// where it goes on, as all do but those of a stream that was tombstoned.
func (c *comparison) ending(w *watch) error {
	w.mu.Lock()
	ended := w.ended
	w.mu.Unlock()
	gone := false
	for i := range c.log.Events {
		stream, life, _ := firn.LifeOf(&c.log.Events[i])
		if _, tombstone := life.(firn.Tombstone); tombstone && stream == w.heard.Query.Stream {
			gone = true
		}
	}
	if gone != errors.Is(ended, firn.ErrTombstoned) || !gone && ended != nil {
		return fmt.Errorf("%s ended with %v; its stream was tombstoned: %t", &w.heard, ended, gone)
	}
	return nil
}
