package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
)

// demoAppends is how many appends must be acknowledged before the leader is
// killed, and again after it.
const demoAppends = 200

// killLeader kills the leader's process while one writer appends.
func (d *demo) killLeader() error {
	w := startDemoWriter(d.ctx, d.db)
	d.writer = w
	if err := w.waitFor(d.ctx, demoAppends); err != nil {
		return err
	}
	status, err := d.db.Status(d.ctx, "")
	if err != nil {
		return err
	}
	leader := d.node(status.Leader)
	if leader == nil {
		return fmt.Errorf("the nodes say that %q leads", status.Leader)
	}
	before := w.acknowledged()
	if err := leader.kill(); err != nil {
		return err
	}
	if err := w.waitFor(d.ctx, before+demoAppends); err != nil {
		return err
	}
	if err := w.stop(); err != nil {
		return err
	}
	d.say("   kill -9 %s after %d acknowledged appends; the longest wait for an answer was %.2f s; %d acknowledged by now\n",
		leader.id, before, w.longest.Seconds(), w.acknowledged())
	return nil
}

func (d *demo) comeBack() error {
	for _, n := range d.nodes {
		if !n.runs() {
			if err := n.start(); err != nil {
				return err
			}
		}
	}
	leader, err := d.waitForAll()
	if err != nil {
		return err
	}
	d.say("   three nodes again; %s leads\n", leader)
	return nil
}

// prove compares what was acknowledged with what is there, and the nodes with
// each other.
func (d *demo) prove() error {
	next := firn.Revision(0)
	for e, err := range d.db.Read(d.ctx, firn.Query{Stream: demoWriterStream}) {
		if err != nil {
			return err
		}
		if int(next) >= len(d.writer.ids) || e.Revision != next || e.ID != d.writer.ids[next] {
			return fmt.Errorf("revision %d of %s is event %s, which was not acknowledged there", e.Revision, demoWriterStream, e.ID)
		}
		next++
	}
	if int(next) != len(d.writer.ids) {
		return fmt.Errorf("%d appends were acknowledged, %d are there", len(d.writer.ids), next)
	}
	d.say("   %d appends were acknowledged, each is there once\n", next)
	head, _, err := d.db.Head(d.ctx, firn.Consistency{})
	if err != nil {
		return err
	}
	var first [sha256.Size]byte
	for i, n := range d.nodes {
		sum, events, err := d.digest(n, head)
		if err != nil {
			return fmt.Errorf("node %s: %w", n.id, err)
		}
		if i > 0 && sum != first {
			return fmt.Errorf("nodes %s and %s export different bytes", d.nodes[0].id, n.id)
		}
		first = sum
		d.say("   %s: %d events, export has SHA-256 %x…, verify finds nothing wrong\n", n.id, events, sum[:8])
	}
	return nil
}

// digest exports a node's own copy of the store and verifies it.
func (d *demo) digest(n *demoNode, head firn.Position) (sum [sha256.Size]byte, events int, err error) {
	db, err := d.dial(d.ctx, n.address)
	if err != nil {
		return sum, 0, err
	}
	defer db.Close()
	hash := sha256.New()
	q := firn.Query{All: true, Bound: firn.PositionPoint(head), Raw: true, Consistency: firn.Consistency{Local: true, AtLeast: head}}
	for e, err := range db.Read(d.ctx, q) {
		if err != nil {
			return sum, 0, err
		}
		hash.Write(append(cloudevents.Append(nil, &e), '\n'))
		events++
	}
	report, err := db.Verify(d.ctx, n.address, nil)
	if err == nil && len(report.Faults) > 0 {
		err = errors.New(report.Faults[0].Text)
	}
	return [sha256.Size]byte(hash.Sum(nil)), events, err
}

const demoWriterStream = "ledger-1"

// demoWriter appends one event after the other, each at the exact revision,
// and repeats with the same id whatever it got no answer to.
type demoWriter struct {
	cancel context.CancelFunc
	done   chan struct{}
	acks   chan struct{} // one for each acknowledged append

	// Owned by the writer's goroutine until done is closed.
	ids     []firn.ID
	longest time.Duration
	err     error

	seen int // acks taken; owned by the caller
}

func startDemoWriter(ctx context.Context, db store) *demoWriter {
	ctx, cancel := context.WithCancel(ctx)
	w := &demoWriter{cancel: cancel, done: make(chan struct{}), acks: make(chan struct{}, 1<<20)}
	go func() {
		defer close(w.done)
		w.err = w.run(ctx, db)
	}()
	return w
}

func (w *demoWriter) run(ctx context.Context, db store) error {
	expect := firn.None
	for n := 0; n < cap(w.acks) && ctx.Err() == nil; n++ {
		draft := firn.Draft{ID: firn.NewID(), Type: "Booked", Data: fmt.Appendf(nil, `{"n":%d}`, n)}
		asked := time.Now()
		// One that was begun is seen through, so that it is known what is there.
		err := appendUntilKnown(context.WithoutCancel(ctx), db, firn.To(demoWriterStream, expect, draft))
		if err != nil {
			return err
		}
		w.longest = max(w.longest, time.Since(asked))
		w.ids = append(w.ids, draft.ID)
		expect = firn.At(firn.Revision(n))
		w.acks <- struct{}{}
	}
	return nil
}

func appendUntilKnown(ctx context.Context, db store, write firn.Write) error {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	for {
		_, err := db.Append(ctx, write)
		var e *firn.Error
		if err == nil || !errors.As(err, &e) || e.Retry() == firn.RetryNo || ctx.Err() != nil {
			return err
		}
	}
}

func (w *demoWriter) acknowledged() int {
	w.seen += len(w.acks)
	for range len(w.acks) {
		<-w.acks
	}
	return w.seen
}

func (w *demoWriter) waitFor(ctx context.Context, count int) error {
	for w.seen < count {
		select {
		case <-w.acks:
			w.seen++
		case <-w.done:
			return errors.Join(errors.New("the writer stopped"), w.err)
		case <-ctx.Done():
			return fmt.Errorf("only %d appends were acknowledged in time", w.seen)
		}
	}
	return nil
}

func (w *demoWriter) stop() error {
	w.cancel()
	<-w.done
	return w.err
}
