package service

import (
	"context"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/sleep"
)

// Schedule says when a leader scavenges by itself: never, when it is worth it, or
// once a day between two times of day, UTC.
type Schedule struct {
	Off      bool
	From, To time.Duration // of the day; both 0: whenever it is worth it
}

func (s Schedule) daily() bool { return s.From != 0 || s.To != 0 }

// open reports whether a moment lies between the times of day.
func (s Schedule) open(now time.Time) bool {
	at := now.UTC().Sub(now.UTC().Truncate(24 * time.Hour))
	if s.From <= s.To {
		return s.From <= at && at < s.To
	}
	return at >= s.From || at < s.To
}

// Scavenged is what a scavenge did, or would do.
type Scavenged struct {
	Position firn.Position // of the event that records it; 0 where it was only asked what it would do
	Time     time.Time
	engine.Swept
}

// sweeper removes what is scavenged, on each node for itself, and where this node
// leads it scavenges when it is time to.
type sweeper struct {
	lead *lead

	mu     sync.Mutex
	now    engine.Swept // of the sweep or count under way, or the last one
	could  engine.Swept // what a scavenge would have given when that was counted last
	passed time.Time    // when that was
}

const (
	sweepLook      = time.Second      // how often a node looks whether there is something to remove
	scavengeLook   = time.Hour        // how often it counts what could be
	scavengeFirst  = 10 * time.Minute // after the start
	scavengeWorth  = 20               // of the store's bytes, one in so many
	scavengeBytes  = 1 << 30          // or so many
	sweepRate      = 64 << 20         // bytes a second that are read and written
	countRate      = 4 * sweepRate
	sweepPauseMost = time.Second
)

func newSweeper(l *lead) *sweeper { return &sweeper{lead: l} }

// run works until the lead is closed.
func (w *sweeper) run() {
	e, ctx := w.lead.replica.Engine, w.lead.ctx
	log := w.lead.service.options.Logger
	w.passed = w.clock().Add(scavengeFirst - scavengeLook)
	look := time.NewTicker(sweepLook)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
		if p, swept := e.Scavenged(); !swept {
			done, err := e.Sweep(ctx, w.pace(sweepRate))
			if err != nil {
				if ctx.Err() == nil {
					log.Error("scavenging has stopped; it begins again", "error", err)
				}
				continue
			}
			w.note(engine.Swept{})
			log.Info("scavenged", "through", p, "events", done.Events, "bytes", done.Bytes)
		}
		w.consider(ctx)
	}
}

func (w *sweeper) clock() time.Time { return w.lead.service.options.Now() }

// consider counts, now and then, what could be had back, and where this node
// leads it scavenges if it is time to and worth it.
func (w *sweeper) consider(ctx context.Context) {
	now := w.clock()
	if now.Sub(w.passed) < scavengeLook {
		return
	}
	w.passed = now
	e, log := w.lead.replica.Engine, w.lead.service.options.Logger
	could, err := e.Sweepable(ctx, record.Micros(now), w.pace(countRate))
	if err == nil {
		w.note(could)
		err = w.decide(ctx, could.Bytes)
	}
	if err != nil && ctx.Err() == nil {
		log.Warn("not scavenged for now", "error", err)
	}
}

func (w *sweeper) decide(ctx context.Context, could uint64) error {
	s := w.lead.service.options.Scavenge
	term, _ := w.lead.leading()
	if term == 0 || s.Off || s.daily() && !s.open(w.clock()) {
		return nil
	}
	stats, err := w.lead.replica.Engine.Stats()
	if err == nil && worth(could, stats.Bytes, s.daily()) {
		_, err = w.lead.service.scavenge(ctx, "", firn.NewID())
	}
	return err
}

func (w *sweeper) note(could engine.Swept) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.could = could
}

// scavengeable returns what a scavenge would have had this node remove when that
// was counted last, at most about an hour ago.
func (s *Service) scavengeable() engine.Swept {
	l := s.lead.Load()
	if l == nil {
		return engine.Swept{}
	}
	l.sweeper.mu.Lock()
	defer l.sweeper.mu.Unlock()
	return l.sweeper.could
}

// worth reports whether so many bytes of a store are worth being given back.
func worth(could, held uint64, daily bool) bool {
	if daily {
		return could > 0
	}
	return could >= scavengeBytes || could >= max(1, held/scavengeWorth) && could > 0
}

// pace slows a sweep down to a rate, so that reads and writes keep the disk.
func (w *sweeper) pace(rate uint64) func(context.Context, engine.Swept, uint64) error {
	return func(ctx context.Context, done engine.Swept, bytes uint64) error {
		w.mu.Lock()
		w.now = done
		w.mu.Unlock()
		pause := min(sweepPauseMost, time.Duration(float64(bytes)/float64(rate)*float64(time.Second)))
		if pause == 0 {
			return ctx.Err()
		}
		if sleep.For(ctx, pause) != nil {
			return ctx.Err()
		}
		return nil
	}
}

func (w *sweeper) last() engine.Swept {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// scavenge brings a scavenge into the log.
func (s *Service) scavenge(ctx context.Context, actor string, id firn.ID) (firn.Appended, error) {
	if id.IsZero() {
		return firn.Appended{}, firn.Errorf(firn.ErrInvalid, "a scavenge has no id")
	}
	result, err := s.propose(ctx, command.AppendItem(nil, &command.Scavenge{Actor: []byte(actor), ID: id}))
	if e := asError(err); e != nil && e.Kind == firn.ErrUnknown {
		known := *e
		known.IDs = []firn.ID{id}
		err = &known
	}
	return result.Appended, err
}

// Scavenge makes what is hidden by now gone from every point in time, and returns
// once this node, the leader, has removed its bytes; the others do so by
// themselves. What has begun goes on when ctx ends. Repeated with its id it is done
// once. progress is told how many of the layers were looked through.
func (s *Service) Scavenge(ctx context.Context, actor string, id firn.ID, progress func(done, total uint64)) (Scavenged, error) {
	appended, err := s.scavenge(ctx, actor, id)
	if err != nil {
		return Scavenged{}, err
	}
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		l := s.lead.Load()
		if l == nil {
			return Scavenged{}, firn.Errorf(firn.ErrUnavailable, "this node is stopping; the scavenge at position %d goes on by itself", appended.Position)
		}
		done := l.sweeper.last()
		if _, swept := l.replica.Engine.Scavenged(); swept {
			return Scavenged{Position: appended.Position, Time: appended.Time, Swept: done}, nil
		}
		progress(done.Layers, max(done.Of, 1))
		select {
		case <-look.C:
		case <-ctx.Done():
			return Scavenged{}, ctx.Err()
		}
	}
}

// Scavengeable counts what a scavenge now would have this node remove.
func (s *Service) Scavengeable(ctx context.Context, progress func(done, total uint64)) (Scavenged, error) {
	r, err := s.consistent(ctx, firn.Consistency{})
	if err != nil {
		return Scavenged{}, err
	}
	could, err := r.Engine.Sweepable(ctx, record.Micros(s.options.Now()), func(ctx context.Context, done engine.Swept, _ uint64) error {
		progress(done.Layers, done.Of)
		return ctx.Err()
	})
	return Scavenged{Swept: could}, err
}
