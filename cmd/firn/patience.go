package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/firndb/firn"
)

// patience is --timeout: it cancels its context when nothing has moved for so
// long. The time that our own reader takes (a pager, a slow pipe) does not
// count. It belongs to one goroutine.
type patience struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration
}

var errOutOfPatience = errors.New("--timeout has passed")

func newPatience(ctx context.Context, timeout time.Duration) *patience {
	p := &patience{timeout: timeout}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	p.timer = time.AfterFunc(timeout, func() { p.cancel(errOutOfPatience) })
	return p
}

func (p *patience) stop() {
	p.timer.Stop()
	p.cancel(nil)
}

// moved says that there was progress: the time begins anew.
func (p *patience) moved() { p.timer.Reset(p.timeout) }

// rest stops the time until the next call of moved.
func (p *patience) rest() { p.timer.Stop() }

// explain puts an error that came of the context's end into words.
func (p *patience) explain(err error) error {
	if !isCut(err) && !errors.Is(err, firn.ErrTimeout) {
		return err
	}
	if errors.Is(context.Cause(p.ctx), errOutOfPatience) {
		before := ""
		if stated := (*firn.Error)(nil); errors.As(err, &stated) && stated.Kind != firn.ErrTimeout {
			before = "; before that: " + stated.Message
		}
		return firn.Errorf(firn.ErrTimeout, "no answer within %s; is the cluster up and has it a leader (firn cluster status)? A longer --timeout waits longer%s", p.timeout, before)
	}
	if p.ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

// each runs over seq, and counts only the time spent waiting for it.
func each[T any](p *patience, seq iter.Seq2[T, error], do func(*T) error) error {
	defer p.moved()
	for item, err := range seq {
		if err != nil {
			return err
		}
		p.rest()
		if err := do(&item); err != nil {
			return err
		}
		p.moved()
	}
	return nil
}
