package server

import (
	"time"

	"github.com/firndb/firn/internal/sleep"
)

// Scrub says how a node reads its own data for damage in the background. The
// zero value: it does not.
type Scrub struct {
	Rate  uint64        // bytes a second, at most; 0: it does not
	First time.Duration // how long after the start; default 10 minutes
	Every time.Duration // from one beginning to the next; default a week
}

const (
	scrubFirst = 10 * time.Minute
	scrubEvery = 7 * 24 * time.Hour
	scrubDir   = "scrub" // in outbox/, which is emptied at each start
)

// scrub reads the node's data for damage, time and again.
func (n *Node) scrub() {
	first, every := n.config.Scrub.First, n.config.Scrub.Every
	if first == 0 {
		first = scrubFirst
	}
	if every == 0 {
		every = scrubEvery
	}
	for pause := first; sleep.For(n.ctx, pause) == nil; {
		begun := time.Now()
		if err := n.scrubOnce(); err == nil {
			pause = max(0, every-time.Since(begun))
		} else if n.ctx.Err() == nil {
			n.log.Warn("the data could not be read for damage to its end", "error", err, "again_in", first)
			pause = first
		}
	}
}

// scrubOnce reads the Raft log and the store, once. A log that is damaged ends
// the node by itself.
func (n *Node) scrubOnce() error {
	r, err := n.current()
	if err != nil {
		return err
	}
	begun, total := time.Now(), 0
	p := pace{ctx: n.ctx, rate: n.config.Scrub.Rate}
	read := func(bytes int) error {
		total += bytes
		n.metrics.Scrubbed(bytes)
		return p.read(bytes)
	}
	if err := r.log.Scrub(read); err != nil {
		return err
	}
	if err := n.dir.fs.MkdirAll(n.dir.sub(outboxDir), 0o755); err != nil {
		return err
	}
	report, err := r.engine.Scrub(n.ctx, n.dir.fs.PathJoin(n.dir.sub(outboxDir), scrubDir), read)
	if err != nil {
		return err
	}
	n.log.Info("the data was read for damage", "events", report.Events, "layers", report.Layers, "bytes", total, "faults", len(report.Faults), "took", time.Since(begun).Round(time.Millisecond))
	n.judge(report)
	return nil
}
