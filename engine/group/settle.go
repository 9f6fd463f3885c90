package group

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
)

// call is a Settle that waits until its answers are kept. The coordinator's mu
// guards nothing of it: left is counted down by the loop.
type call struct {
	left   int
	voided int
	err    error
	done   chan struct{}
}

// finish counts one answer off, kept where err is nil. A nil call is nobody's.
func (w *call) finish(err error) {
	if w == nil {
		return
	}
	if w.err == nil {
		w.err = err
	}
	if w.left--; w.left == 0 {
		close(w.done)
	}
}

// void counts one answer off that changes nothing.
func (w *call) void() {
	if w != nil {
		w.voided++
		w.finish(nil)
	}
}

// Settle answers deliveries, and returns once the answers are kept by a
// majority. void is how many of the tokens were: their answers change nothing.
func (u *Consumer) Settle(ctx context.Context, answers []firn.Settlement) (void int, err error) {
	for i := range answers {
		if err := checkAnswer(&answers[i]); err != nil {
			return 0, err
		}
	}
	w := &call{done: make(chan struct{})}
	void, waits, err := u.answer(answers, w)
	if err != nil || !waits {
		return void, err
	}
	select {
	case <-w.done:
		return void + w.voided, w.err
	case <-ctx.Done():
		return void, firn.Errorf(firn.ErrUnknown, "the answers were on their way when the caller's time ran out (%v); where they have not counted, the events are delivered again", ctx.Err())
	}
}

func checkAnswer(a *firn.Settlement) error {
	if a.Outcome < firn.Ack || a.Outcome > firn.GiveBack {
		return firn.Errorf(firn.ErrInvalid, "an answer of outcome %d; there are %d to %d", a.Outcome, firn.Ack, firn.GiveBack)
	}
	if a.Delay < 0 || a.Delay > delayMax {
		return firn.Errorf(firn.ErrInvalid, "an event is to be delivered again after %v; give 0 to %v", a.Delay, delayMax)
	}
	return nil
}

// answer puts the answers before the loop. waits says that there are any that w
// waits for.
func (u *Consumer) answer(answers []firn.Settlement, w *call) (void int, waits bool, err error) {
	c := u.c
	now := c.o.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := u.refusal(); err != nil {
		if errors.Is(err, ErrClosed) {
			return len(answers), false, nil
		}
		return 0, false, err
	}
	var taken, back []*item
	for i := range answers {
		a := &answers[i]
		it := c.delivered[a.Token.Number]
		if a.Token.Epoch != c.o.Epoch || it == nil || it.consumer != u || !now.Before(it.deadline) {
			void++
			continue
		}
		c.undo(it)
		if a.Outcome == firn.GiveBack {
			u.leaving = true
			back = append(back, it)
			continue
		}
		it.answer = answer{outcome: a.Outcome, at: now, delay: a.Delay, reason: reason(a.Reason), call: w}
		taken = append(taken, it)
	}
	w.left = len(taken)
	c.answered = append(c.answered, taken...)
	c.offerAgain(back) // also hands out what there is room for again
	c.poke()
	return void, len(taken) > 0, nil
}

// reason cuts a reason to what is kept of one.
func reason(s string) string {
	if len(s) <= engine.GroupReasonMax {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	cut := engine.GroupReasonMax - 3
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return reason(s[:cut])
}

// fail answers a delivery that nobody will: it is delivered again at once. mu
// is held.
func (c *Coordinator) fail(it *item, why string) {
	c.undo(it)
	it.answer = answer{outcome: firn.RetryLater, at: c.o.Now(), delay: time.Microsecond, reason: why}
	c.answered = append(c.answered, it)
}

// expire ends the deliveries whose lease is over.
func (c *Coordinator) expire() {
	now := c.o.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaseAt.IsZero() || now.Before(c.leaseAt) {
		return
	}
	c.leaseAt = time.Time{}
	for _, it := range c.delivered {
		if now.Before(it.deadline) {
			c.leaseAt = sooner(c.leaseAt, it.deadline)
			continue
		}
		c.fail(it, "the lease of "+c.group.Lease.String()+" has ended without an answer")
	}
}
