package group

import (
	"bytes"
	"errors"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/planted"
)

// How much of what is aside is in memory.
const (
	activeMax   = 512 // asides that are being delivered or catch up
	catchUpRead = 16  // events read at a time of a stream that catches up
	duePage     = 256
	fullPause   = 100 * time.Millisecond
)

// readAsides takes what is due into memory, and lets streams catch up. No step
// is under way.
func (c *Coordinator) readAsides() error {
	now := c.o.Now()
	if !c.dueAt.IsZero() && !now.Before(c.dueAt) {
		if err := c.readDue(now); err != nil {
			return err
		}
	}
	for l := range c.active {
		for len(l.items) == 0 && l.more {
			if err := c.catchUp(l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Coordinator) readDue(now time.Time) error {
	c.stale = c.stale[:0]
	for from := []byte(nil); ; {
		page, err := c.o.Engine.AsidesDue(c.name, now, from, duePage)
		if err != nil {
			return err
		}
		c.stale = append(c.stale, page.Stale...)
		for i := range page.Asides {
			if len(c.active)+len(c.alone) >= activeMax {
				c.dueAt = now.Add(fullPause)
				return nil
			}
			if err := c.resume(&page.Asides[i]); err != nil {
				return err
			}
		}
		if from = page.Next; from == nil {
			break
		}
		if len(c.stale) > stepAsidesMax {
			c.dueAt = now
			return nil
		}
	}
	next, ok, err := c.o.Engine.NextDue(c.name, now)
	c.dueAt = next
	if !ok {
		c.dueAt = time.Time{}
	}
	return err
}

// resume takes an aside that is due into memory.
func (c *Coordinator) resume(a *command.Aside) error {
	if a.Holds {
		if l := c.lanes[string(a.Stream)]; l != nil {
			return nil // it is there already
		}
		l := &lane{stream: string(a.Stream), aside: a, next: a.Revision, more: true}
		if planted.Is(planted.RetrySkipped) { // the stream goes on behind the event that is to be retried
			l.next++
		}
		c.lanes[l.stream] = l
		c.active[l] = struct{}{}
		return nil
	}
	if c.alone[keyOf(a)] != nil {
		return nil
	}
	r, err := c.o.Engine.RecordAt(a.Position)
	if errors.Is(err, firn.ErrNotFound) {
		c.remove(c.next, a) // it was scavenged
		return nil
	}
	if err != nil {
		return err
	}
	it, err := c.newItem(r)
	if err != nil {
		return err
	}
	it.aside, it.attempts, it.replay = a, a.Attempts, it.replay || a.Replay
	c.alone[keyOf(a)] = it
	c.offer(it)
	return nil
}

// catchUp reads the next events of a stream that is aside, up to where the flow
// has come. What the flow passes over later, it tells the lane.
func (c *Coordinator) catchUp(l *lane) error {
	l.more = false
	settings := c.settings()
	wanted := query(&settings)
	q := firn.Query{Stream: l.stream, From: firn.RevisionPoint(firn.Revision(l.next)), Limit: catchUpRead}
	read := 0
	for r, err := range c.o.Engine.Records(c.ctx, q, c.o.Now()) {
		if gone(err) {
			return nil
		}
		if err != nil {
			l.more = true
			return err
		}
		if r.Position > c.through {
			return nil
		}
		read++
		n, draft, err := record.ParseNode(r.Stream, r.Bytes)
		if err != nil {
			return err
		}
		l.next = uint64(n.Revision) + 1
		d, err := record.ParseDraft(draft)
		if err != nil {
			return err
		}
		if !wanted.WantsType(string(d.Type)) {
			continue
		}
		r.Bytes = bytes.Clone(r.Bytes)
		it, err := c.newItem(r)
		if err != nil {
			return err
		}
		it.replay = it.replay || l.aside.Replay
		if it.revision == l.aside.Revision && !planted.Is(planted.AttemptsForgotten) { // it begins to count anew
			it.attempts = l.aside.Attempts
		}
		c.line(it, l)
	}
	l.more = read == catchUpRead
	return nil
}

// gone reports whether nothing of a stream is left to be read.
func gone(err error) bool {
	return errors.Is(err, firn.ErrNotFound) || errors.Is(err, firn.ErrDeleted) || errors.Is(err, firn.ErrTombstoned)
}

// findFirstDue finds the position before which nothing that is due lies.
func (c *Coordinator) findFirstDue() error {
	c.firstDue = 0
	if c.progress.Counts.Due == 0 {
		return nil
	}
	page, err := c.o.Engine.Asides(c.name, command.AsideDue, nil, 1)
	if len(page.Asides) > 0 {
		c.firstDue = page.Asides[0].Position
	}
	return err
}
