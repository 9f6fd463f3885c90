package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/firndb/firn"
)

// checked is a store that keeps count of what it acknowledged, so that one scan
// afterwards tells whether all of that, and nothing else, is there. What is loaded
// is checked by package bench, event by event.
type checked struct {
	firn.Store
	events, failures atomic.Int64
	ids              atomic.Uint64 // sum of the acknowledged ids, folded to 64 bits
}

func (c *checked) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	done, err := c.Store.Append(ctx, writes...)
	if err != nil {
		c.failures.Add(1)
		return done, err
	}
	for _, w := range done.Writes {
		for _, id := range w.IDs {
			c.ids.Add(fold(id))
		}
		c.events.Add(int64(len(w.IDs)))
	}
	return done, nil
}

// verify reads everything until all is there that was acknowledged: with three
// nodes JetStream may read from one that is behind.
func (c *checked) verify(ctx context.Context) error {
	var wrong error
	err := eventually(ctx, func(context.Context) error {
		missing, err := c.scan(ctx)
		if missing {
			return err
		}
		wrong = err
		return nil
	})
	return errors.Join(err, wrong)
}

// scan reads everything and holds it against what was acknowledged: as many
// events, with the same ids, in an order that never goes back.
func (c *checked) scan(ctx context.Context) (missing bool, err error) {
	var events int64
	var ids uint64
	var last firn.Position
	for e, err := range c.Read(ctx, firn.Query{All: true}) {
		if err != nil {
			return false, err
		}
		if e.Position <= last {
			return false, fmt.Errorf("position %d came after position %d", e.Position, last)
		}
		last = e.Position
		events++
		ids += fold(e.ID)
	}
	switch want := c.events.Load(); {
	case events < want:
		return true, fmt.Errorf("%d events were acknowledged and %d are there", want, events)
	case c.failures.Load() > 0: // whose events may be there
		return false, nil
	case events != want || ids != c.ids.Load():
		return false, fmt.Errorf("%d events are there, and not those %d that were acknowledged", events, want)
	}
	return false, nil
}

func fold(id firn.ID) uint64 {
	return binary.BigEndian.Uint64(id[:8]) ^ binary.BigEndian.Uint64(id[8:])
}
