package powertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// How a node took a fault.
const (
	didNotStart = "did not start"
	stopped     = "stopped"
	wentOn      = "went on"
)

// reference is one part of the workload in which an operation may fail: a new
// node works, is closed, is started again, and works on. It says how the node
// took the fault, what is left on the disk, and the error which promise it broke.
func (l *life) reference(ctx context.Context, h *hit, close func(*node)) (outcome string, left []*moment, err error) {
	for again := range 2 {
		var n *node
		h.enter(starting)
		err := ends("the start", func() (err error) { n, err = start(l.disk); return err })
		if err != nil {
			return didNotStart, l.leave(nil), broken(err)
		}
		l.node.Store(n)
		h.enter(running)
		err = l.refer(ctx, n, h, again == 1)
		h.enter(closing)
		l.see(n)
		if err != nil || n.Err() != nil {
			// A node that has failed ends its process, so what it would write when it
			// is closed does not count.
			left := l.leave(n)
			close(n)
			return stopped, left, err
		}
		if err := ends("Close", n.Close); err != nil {
			return stopped, l.leave(n), broken(err)
		}
		if k := l.journal.known(); k.told < k.asked {
			break // the next life, on what is left, settles what nobody knows
		}
	}
	return wentOn, l.leave(nil), nil
}

// refer lets the node work. A fault of package check is a broken promise; that
// something could not be done is none, while an operation may fail.
func (l *life) refer(ctx context.Context, n *node, h *hit, again bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := n.ready(ctx); err != nil {
		return l.hangs(n, err)
	}
	l.ready.Store(1)
	c := newClient(l.seed, 1, n, l.journal)
	if again {
		c.Rand = rand.New(rand.NewPCG(l.seed, 2))
	}
	steps := make([]func(context.Context) error, faultSteps)
	for i := range steps {
		steps[i] = c.step
	}
	if !again {
		steps[0] = func(ctx context.Context) error { return c.do(ctx, new(grouping)) }
		steps[1] = c.big
		steps[len(steps)/2] = c.big
		steps[len(steps)-1] = rest // the log has become too long by now
	}
	for _, step := range steps {
		err := step(ctx)
		switch {
		case broken(err) != nil:
			return broken(err)
		case err != nil:
			_, fatal := h.struck()
			if fatal || n.Err() != nil || ctx.Err() != nil {
				return l.hangs(n, err)
			}
			return nil // nobody knows what became of it, which is no broken promise
		case n.Err() != nil:
			return nil
		}
		l.see(n)
	}
	if o, fatal := h.struck(); fatal {
		return l.hangs(n, fmt.Errorf("the node went on over %s %s, which failed", o.kind, o.path))
	}
	err := ends("reading everything", func() error { _, err := l.hold(ctx, n); return err })
	if errors.Is(err, firn.ErrNotFound) {
		err = &check.Fault{Check: check.Acknowledged, Text: fmt.Sprintf("what could not be read is not there: %v", err)}
	}
	if broken(err) != nil {
		return err
	}
	return nil
}

// broken returns what promise an error says was broken, or nil.
func broken(err error) error {
	var fault *check.Fault
	if errors.As(err, &fault) {
		return fault
	}
	return nil
}

// ends does what must come to an end.
func ends(what string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		return &check.Fault{Check: "ends", Text: what + " does not come to an end"}
	}
}

// rest is long enough for the node to look whether its log has grown too long.
func rest(ctx context.Context) error {
	wait(ctx, 300*time.Millisecond)
	return nil
}

// hangs waits for the node to say that it cannot go on, which it must after
// what happened.
func (l *life) hangs(n *node, err error) error {
	select {
	case <-n.Failed():
		return nil
	case <-time.After(patience):
		return &check.Fault{Check: "stops", Text: fmt.Sprintf("the node does not say that it cannot go on, and: %v", err)}
	}
}

// leave returns what is on the disk now, for a process that is started again and
// after a power loss as well.
func (l *life) leave(n *node) (left []*moment) {
	for i, kept := range []int{100, 0} {
		m := &moment{from: l, unsynced: l.disk.unsynced.Load(), kept: kept, operation: operation{"the next start", ""}, known: l.journal.known()}
		if n != nil {
			m.applied, _ = n.Chain()
		}
		m.disk = l.disk.cut(kept, rand.New(rand.NewPCG(l.seed, uint64(i))))
		left = append(left, m)
	}
	return left
}
