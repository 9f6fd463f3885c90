package projection

import (
	"sync"
	"time"

	"github.com/firndb/firn"
)

// Progress tells where a runner stands.
type Progress struct {
	Set      int           // number of the table set; 0: none yet
	Standby  bool          // another runner projects; this one waits for its place
	Building bool          // the tables do not serve yet
	CaughtUp bool          // once in this run, everything that there was had been applied
	Position firn.Position // everything that is followed up to here is in the tables
	Head     firn.Position // of the store, as last heard
	Events   uint64        // that this run has applied, changes of life included
	Rate     float64       // of them a second, of the last few seconds
	Hindered error         // why it does not move, while what failed is tried again; nil: nothing is in its way
}

// Lag is how many events the store has behind Position, whether or not the
// projection follows them.
func (p Progress) Lag() uint64 {
	if p.Head < p.Position {
		return 0
	}
	return uint64(p.Head - p.Position)
}

// state is a Progress that several goroutines change and watch.
type state struct {
	report func(Progress)

	mu     sync.Mutex
	p      Progress
	moved  chan struct{} // closed and replaced when the position or the set changes
	ticked time.Time     // when the rate was last taken
	events uint64        // how many events there were then

	reporting sync.Mutex // one report at a time; taken before mu
}

func newState(report func(Progress)) *state {
	return &state{report: report, moved: make(chan struct{}), ticked: time.Now()}
}

// get returns the progress, and a channel that is closed when it moves.
func (s *state) get() (Progress, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.p, s.moved
}

// change changes what there is to tell, and tells it.
func (s *state) change(how func(*Progress)) {
	s.reporting.Lock()
	defer s.reporting.Unlock()
	s.mu.Lock()
	how(&s.p)
	s.stir()
	p := s.p
	s.mu.Unlock()
	s.report(p)
}

func (s *state) stir() {
	close(s.moved)
	s.moved = make(chan struct{})
}

// move notes how far it is; it tells only that it has caught up.
func (s *state) move(at firn.Position, events uint64, caughtUp bool) {
	s.mu.Lock()
	news := caughtUp && !s.p.CaughtUp
	s.p.Position = at
	s.p.Head = max(s.p.Head, at)
	s.p.Events += events
	s.stir()
	s.mu.Unlock()
	if news {
		s.change(func(p *Progress) { p.CaughtUp = true })
	}
}

func (s *state) lead(head firn.Position) {
	s.mu.Lock()
	s.p.Head = max(s.p.Head, head)
	s.mu.Unlock()
}

func (s *state) hinder(err error) {
	s.mu.Lock()
	s.p.Hindered = err
	s.mu.Unlock()
}

// tick takes the rate and tells the progress.
func (s *state) tick() {
	s.change(func(p *Progress) {
		if over := time.Since(s.ticked).Seconds(); over > 0 {
			rate := float64(p.Events-s.events) / over
			if p.Rate == 0 {
				p.Rate = rate
			}
			if p.Rate += 0.3 * (rate - p.Rate); p.Rate < 0.1 {
				p.Rate = 0
			}
		}
		s.ticked, s.events = time.Now(), p.Events
	})
}
