package group

import (
	"context"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/planted"
)

// view is where the group stands, as the loop has told it last.
type view struct {
	passed  firn.Position
	through firn.Position
	open    int
	counts  command.Counts
	oldest  int64 // µs, of the oldest event in the flow that is not settled; 0: there is none
	due     firn.Position
	known   bool
}

// publish tells where the group stands.
func (c *Coordinator) publish() {
	if !c.loaded {
		return
	}
	v := view{passed: c.through, through: c.through, open: len(c.flow), counts: c.progress.Counts, due: c.firstDue, known: true}
	if len(c.flow) > 0 {
		v.passed, v.oldest = c.flow[0].position-1, c.flow[0].time
	}
	if c.firstDue > 0 && !planted.Is(planted.WaitOverlooksRetries) { // what waits for a retry counts as passed
		v.passed = min(v.passed, c.firstDue-1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	moved := v.passed != c.view.passed || !c.view.known
	c.view = v
	if moved && c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// standing returns where the group stands, once that is known.
func (c *Coordinator) standing(ctx context.Context, reached func(*view) bool) (view, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.over != nil {
			return view{}, c.over
		}
		if c.view.known && reached(&c.view) {
			return c.view, nil
		}
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-c.ended:
		case <-ctx.Done():
			err = ctx.Err()
		}
		c.mu.Lock()
		if err != nil {
			return view{}, err
		}
	}
}

// Wait returns once the group has passed a position, with the number of parked
// events up to there.
func (c *Coordinator) Wait(ctx context.Context, p firn.Position) (parked uint64, err error) {
	if _, err := c.standing(ctx, func(v *view) bool { return v.passed >= p }); err != nil {
		return 0, err
	}
	err = EachParked(c.o.Engine, c.name, func(a *command.Aside) bool {
		if a.Position > p {
			return false
		}
		parked++
		return true
	})
	return parked, err
}

// Info tells where the group stands.
func (c *Coordinator) Info(ctx context.Context) (firn.GroupInfo, error) {
	v, err := c.standing(ctx, func(*view) bool { return true })
	if err != nil {
		return firn.GroupInfo{}, err
	}
	head, _ := c.o.Engine.Head()
	now := c.o.Now()
	c.mu.Lock()
	info := firn.GroupInfo{
		Group: c.group, Passed: v.passed, Head: head,
		Lag: uint64(v.open) + v.counts.Due, LagExact: v.through >= head && v.counts.Due == 0,
		InFlight: uint64(len(c.delivered)), Retrying: v.counts.Retrying, Parked: v.counts.Parked, Waiting: v.counts.Waiting,
		Consumers: uint32(len(c.consumers)), Delivered: c.rates.of(&c.rates.delivered, now), Settled: c.rates.of(&c.rates.settled, now),
	}
	c.mu.Unlock()
	if head > v.through {
		info.Lag += uint64(head - v.through) // as if all of that matched
	}
	oldest, err := c.oldest(&v, head)
	if oldest > 0 {
		info.LagTime = max(0, now.Sub(record.Time(oldest)))
	}
	return info, err
}

// oldest returns the time of the oldest event that may be unsettled, in µs; 0
// where there is none.
func (c *Coordinator) oldest(v *view, head firn.Position) (int64, error) {
	p := v.due
	if v.oldest == 0 && p == 0 && v.through < head {
		p = v.through + 1
	}
	if p == 0 {
		return v.oldest, nil
	}
	at, err := c.o.Engine.TimeAt(min(p, head))
	micros := record.Micros(at)
	if v.oldest > 0 {
		micros = min(micros, v.oldest)
	}
	return micros, err
}

// rates count what happened in the last minute.
type rates struct {
	began              time.Time
	delivered, settled meter
}

// meter counts by the second.
type meter struct {
	second int64 // the newest
	counts [60]uint64
}

func (m *meter) add(now time.Time, n uint64) {
	m.forward(now)
	m.counts[m.second%int64(len(m.counts))] += n
}

// forward empties the seconds that have passed since something was counted.
func (m *meter) forward(now time.Time) {
	second := now.Unix()
	for m.second = max(m.second, second-int64(len(m.counts))); m.second < second; {
		m.second++
		m.counts[m.second%int64(len(m.counts))] = 0
	}
}

// of returns how often something happened a second.
func (r *rates) of(m *meter, now time.Time) float64 {
	m.forward(now)
	total := uint64(0)
	for _, n := range m.counts {
		total += n
	}
	over := min(now.Sub(r.began), time.Duration(len(m.counts))*time.Second)
	return float64(total) / max(1, over.Seconds())
}
