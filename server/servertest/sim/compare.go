package sim

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/server"
)

// leader returns the node that leads, by what nodes say; nil where none is known.
func (c *cluster) leader(ctx context.Context) *seat {
	for _, s := range c.nodes() {
		if s.now.Load() == nil {
			continue
		}
		if status, err := c.operator.Status(ctx, s.address()); err == nil && status.Leader != "" {
			for _, l := range c.nodes() {
				if l.id == status.Leader && l.now.Load() != nil {
					return l
				}
			}
		}
	}
	return nil
}

// settle returns when every node has applied all that is committed.
func (c *cluster) settle() {
	ctx, cancel := context.WithTimeout(context.Background(), recovery)
	defer cancel()
	var head firn.Position
	at := firn.Consistency{}
	for _, s := range c.nodes() {
		err := s.call(ctx, func(ctx context.Context, db server.Store) (err error) {
			head, _, err = db.Head(ctx, at)
			return err
		})
		if err != nil {
			c.fault(Alive, "node %s, asked in the end for the head at %+v: %v", s.id, at, err)
			return
		}
		at.AtLeast = head
	}
	c.settled = true
	for _, s := range c.subscribers {
		s.EndAt(head)
	}
	timer := time.AfterFunc(recovery, c.end) // those who are not told are seen by that
	c.following.Wait()
	timer.Stop()
}

// compare opens what the nodes have left on their disks, holds it against each
// other, and what clients were told against it. It is called when the bubble is over.
func (c *cluster) compare() {
	var replicas []check.Replica
	for _, s := range c.nodes() {
		r, err := s.replica()
		if err != nil {
			c.fault(check.Replicas, "node %s: %v", s.id, err)
			return
		}
		replicas = append(replicas, r)
	}
	log := replicas[0].Log
	c.report.Events = len(log)
	c.checkHeard(log)
	for _, err := range []error{check.Same(replicas), c.history.Check(log)} {
		if err != nil {
			c.faultOf(err)
		}
	}
}

// replica returns all that a node has on its disk, what readers do not see
// included, and verifies it.
func (s *seat) replica() (r check.Replica, err error) {
	r.Name = s.id
	e, err := engine.Open(s.disk.PathJoin(dataDir, "engine"), engine.Options{FS: s.disk, CacheBytes: 8 << 20, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return r, err
	}
	defer e.Close()
	report, err := e.Verify(context.Background(), nil)
	if err == nil && len(report.Faults) > 0 {
		err = fmt.Errorf("invariant %d is broken: %s", report.Faults[0].Invariant, report.Faults[0].Text)
	}
	if err != nil {
		return r, err
	}
	r.Index, r.Chain = e.Chain()
	head, _ := e.Head()
	var decoder record.Decoder
	for p := firn.Position(1); p <= head; p++ {
		stored, err := e.RecordAt(p)
		if err != nil {
			return r, err
		}
		event, err := decoder.Event(stored.Stream, bytes.Clone(stored.Bytes))
		if err != nil {
			return r, err
		}
		r.Log = append(r.Log, event)
	}
	return r, nil
}
