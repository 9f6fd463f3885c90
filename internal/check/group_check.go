package check

import (
	"slices"

	"github.com/firndb/firn"
)

// Check holds the history against the whole log and what the group lists as
// parked, once the group has passed the log's end and nobody consumes any more.
// It returns all faults, up to a number that one can read.
func (g *Group) Check(log []firn.Event, parked []firn.ParkedEvent) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.read(log, parked)
	for _, e := range r.events {
		for i, d := range e.deliveries {
			r.checkAnswers(e, d)
			if r.ordered() && e.before != nil {
				r.checkOrder(e, d)
			}
			if i > 0 {
				r.checkPair(e, e.deliveries[i-1], d)
			}
			if d.attempt == 0 || d.attempt > g.settings.MaxAttempts {
				r.add(Attempts, "%s %s is one too many: %d are allowed", e, d, g.settings.MaxAttempts)
			}
		}
		r.checkEnd(e)
	}
	for _, w := range r.waits {
		r.checkWait(w)
	}
	return r.err()
}

func (r *reading) ordered() bool { return !r.settings.Unordered }

func (r *reading) continues() bool { return r.settings.OnPark == firn.ParkContinues }

// ends says whether the answer ends what the group has to do with the event.
func (r *reading) ends(d *delivery, a *answer) bool {
	return a.outcome != firn.RetryLater || d.attempt >= r.settings.MaxAttempts
}

// checkAnswers: of one delivery, at most one answer counts.
func (r *reading) checkAnswers(e *event, d *delivery) {
	n := 0
	for _, a := range d.answers {
		if a.fate == kept {
			n++
		}
	}
	if n > 1 {
		r.add(Stale, "%s %s was answered %d times, and all counted", e, d, n)
	}
}

// checkPair looks at an event's delivery and the next one. By then the first is
// void: an answer that was sent later may not count.
func (r *reading) checkPair(e *event, d, next *delivery) {
	a := d.kept()
	ended := a != nil && r.ends(d, a)
	anew := r.begunAnew(e, d, next, ended && (a.outcome == firn.Ack || a.outcome == firn.Skip))
	switch {
	case a != nil && a.sent > next.seen:
		r.add(Stale, "%s %s was answered when there was already %s and the answer counted", e, d, next)
	case ended && !anew:
		r.add(Again, "%s %s was answered with %d, and that counted; then came %s", e, d, a.outcome, next)
	case ended && !next.replay:
		r.add(Again, "%s %s comes again after a replay or a rewind, and does not say so", e, next)
	case anew:
	case next.attempt < d.attempt || a != nil && next.attempt == d.attempt:
		r.add(Attempts, "%s %s was followed by %s", e, d, next)
	}
}

// begunAnew reports whether the event may have been replayed or rewound between
// two deliveries. A replay is of no event that is settled.
func (r *reading) begunAnew(e *event, d, next *delivery, settled bool) bool {
	between := func(o *operation) bool { return o.began < next.seen && o.over > d.seen }
	replayed := func(o *operation) bool { return o.Is == replaying && between(o) }
	return slices.ContainsFunc(r.rewinds, between) || !settled && slices.ContainsFunc(e.unparked, replayed)
}

// checkOrder: what precedes an event in its stream was settled before the event
// was handed out.
func (r *reading) checkOrder(e *event, d *delivery) {
	if !r.settledBefore(e.before, d) && !(r.continues() && r.parkedBefore(e.before, d)) {
		r.add(Order, "%s %s came before %s was settled; of that:%s", e, d, e.before, e.before.story())
	}
}

// settledBefore reports whether an event may have been settled when another was
// handed out. That goes by the answer, before it is kept: where it never is, both
// come again, and the answer was void. But only to the newest delivery, as an
// answer that is too late is void as well.
func (r *reading) settledBefore(e *event, d *delivery) bool {
	var newest *delivery
	for _, earlier := range e.deliveries {
		if compareTokens(earlier.token, d.token) >= 0 {
			break
		}
		newest = earlier
		if earlier.mayBe(d.seen, firn.Ack, firn.Skip) {
			return true
		}
	}
	return newest != nil && newest.token.Epoch == d.token.Epoch && newest.saysSettled(d.seen) || e.mayBeDropped(d.seen)
}

func (e *event) mayBeDropped(before int) bool {
	return slices.ContainsFunc(e.unparked, func(o *operation) bool { return o.Is == dropping && o.began < before })
}

// parkedBefore reports whether an event may have been parked. What failed for
// the last time may never have been seen here: its consumer has died.
func (r *reading) parkedBefore(e *event, d *delivery) bool {
	for _, earlier := range e.deliveries {
		if compareTokens(earlier.token, d.token) < 0 && (earlier.mayBe(d.seen, firn.Park) || earlier.attempt == r.settings.MaxAttempts) {
			return true
		}
	}
	return e.listed != nil || len(e.unparked) > 0
}

// checkEnd: nothing is lost, and what is parked is what was.
func (r *reading) checkEnd(e *event) {
	if e.listed != nil {
		r.checkListed(e)
		return
	}
	if !r.accounted(e, never) {
		r.add(Lost, "%s is neither settled nor parked; it was delivered %d times", e, len(e.deliveries))
		return
	}
	if len(e.deliveries) == 0 {
		return
	}
	last := e.deliveries[len(e.deliveries)-1]
	if a := last.kept(); a != nil && r.ends(last, a) && a.outcome != firn.Ack && a.outcome != firn.Skip && !r.unparkedAfter(e, a.sent) {
		r.add(Parked, "%s %s was answered with %d, and that counted; it is not listed as parked", e, last, a.outcome)
	}
}

func (r *reading) unparkedAfter(e *event, sent int) bool {
	return slices.ContainsFunc(append(slices.Clone(r.rewinds), e.unparked...), func(o *operation) bool { return o.over > sent })
}

// checkListed looks at an event that is listed as parked.
func (r *reading) checkListed(e *event) {
	if r.ordered() && !r.continues() {
		for before := e.before; before != nil; before = before.before {
			if before.listed != nil {
				r.add(Parked, "%s is listed as parked, and so is %s which holds its stream", e, before)
				return
			}
		}
	}
	caused := e.listed.Attempts >= r.settings.MaxAttempts
	for i, d := range e.deliveries {
		caused = caused || d.mayBe(never, firn.Park)
		a := d.kept()
		if a == nil || i < len(e.deliveries)-1 {
			continue
		}
		if a.outcome == firn.Ack || a.outcome == firn.Skip {
			r.add(Parked, "%s %s was settled, and that counted; it is listed as parked", e, d)
		} else if r.ends(d, a) && e.listed.Reason != a.reason && !r.unparkedAfter(e, a.sent) {
			r.add(Parked, "%s %s was parked because %q; listed is %q", e, d, a.reason, e.listed.Reason)
		}
	}
	if !caused {
		r.add(Parked, "%s is listed as parked after %d attempts, because %q; nobody has parked it", e, e.listed.Attempts, e.listed.Reason)
	}
}

// accounted reports whether an event may have been settled, dropped or parked by
// a time, or waits behind one that may have been parked.
func (r *reading) accounted(e *event, by int) bool {
	since := 0 // deliveries before the last rewind are forgotten
	for _, o := range r.rewinds {
		if o.fate == kept && o.over < by {
			since = max(since, o.began)
		}
	}
	for _, d := range e.deliveries {
		if d.seen >= since && d.mayBe(by, firn.Ack, firn.Skip) {
			return true
		}
	}
	if e.mayBeDropped(by) || by < never && r.mayBeParked(e, by) || e.listed != nil {
		return true
	}
	if r.ordered() && !r.continues() {
		for before := e.before; before != nil; before = before.before {
			if before.listed != nil || by < never && r.mayBeParked(before, by) {
				return true
			}
		}
	}
	return false
}

// mayBeParked reports whether an event may have been parked by a time. The
// delivery that failed for the last time may never have been seen; that there
// was one shows later.
func (r *reading) mayBeParked(e *event, by int) bool {
	seen, shows := false, e.listed != nil
	for _, d := range e.deliveries {
		if d.mayBe(by, firn.Park) || d.attempt == r.settings.MaxAttempts && d.seen < by {
			return true
		}
		seen = seen || d.mayBe(never, firn.Park) || d.attempt == r.settings.MaxAttempts
		shows = shows || d.replay
	}
	return shows && !seen
}

// checkWait: what a wait has said is passed was settled by then, or parked.
func (r *reading) checkWait(w *operation) {
	if w.fate != kept {
		return
	}
	for _, e := range r.events {
		if e.Position <= w.Which && !r.accounted(e, w.over) {
			r.add(Wait, "%s was neither settled nor parked when a wait for position %d was over", e, w.Which)
		}
	}
}
