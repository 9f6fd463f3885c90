package service

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/internal/planted"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/server/internal/security"
)

// Options are fixed for the life of a service. Zero means the default.
type Options struct {
	EventBytesMax   int // data and metadata of one event; at most firn.EventBytesMax, the default
	AppendBytesMax  int // at most firn.AppendBytesMax, the default
	AppendEventsMax int // at most firn.AppendEventsMax, the default

	Scavenge Schedule // default: when it is worth it

	Now      func() time.Time                                      // default time.Now
	Logger   *slog.Logger                                          // default: nothing is logged
	Appended func(events int, took time.Duration, err *firn.Error) // called after each append; default nothing
	Refused  func(firn.Kind)                                       // called for each call that its caller may not make; default nothing
	Access   security.Rules                                        // who may call; default everybody, as long as there are no users
}

// Replica is what the service stands on: the log, and the engine that applies it.
type Replica struct {
	Engine *engine.Engine
	Log    *replication.Node
}

// Service is one node's service.
type Service struct {
	options Options

	replica       atomic.Pointer[Replica] // nil while there is none
	lead          atomic.Pointer[lead]    // of the replica
	subscriptions atomic.Int64            // that are open
	shaped        atomic.Pointer[shapes]  // of the definitions that were in force last
	access        access
	refusals      refusals

	looks    chan struct{} // has an element for each look that is under way
	defining sync.Mutex    // held while a definition is judged and proposed
}

// New returns a service without a replica; see [Service.Use].
func New(o Options) *Service {
	o.EventBytesMax = downwards(o.EventBytesMax, firn.EventBytesMax)
	o.AppendBytesMax = downwards(o.AppendBytesMax, firn.AppendBytesMax)
	o.AppendEventsMax = downwards(o.AppendEventsMax, firn.AppendEventsMax)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Refused == nil {
		o.Refused = func(firn.Kind) {}
	}
	if o.Appended == nil {
		o.Appended = func(int, time.Duration, *firn.Error) {}
	}
	return &Service{options: o, looks: make(chan struct{}, looksMax)}
}

func downwards(configured, most int) int {
	if configured <= 0 || configured > most {
		return most
	}
	return configured
}

// Use makes r the replica that answers from now on; nil takes it away. Once it
// returns, nothing of the service uses the replica before any more, apart from
// calls under way. It is not called twice at once.
func (s *Service) Use(r *Replica) {
	s.replica.Store(r)
	var next *lead
	if r != nil {
		next = s.takeUp(r)
	}
	if before := s.lead.Swap(next); before != nil {
		before.close()
	}
}

func (s *Service) current() (*Replica, error) {
	if r := s.replica.Load(); r != nil {
		return r, nil
	}
	return nil, firn.Errorf(firn.ErrUnavailable, "this node is starting, stopping or being set up from an image; try again, or ask another node")
}

// serving returns the replica once a read of its engine shows what a query asks
// for, in whose history a position may have been noted. A node that was killed
// does not know its own until it has applied what it had not flushed: it is
// unavailable until then, lest somebody take it for another store.
func (s *Service) serving(ctx context.Context, q *firn.Query) (*Replica, error) {
	r, err := s.consistent(ctx, q.Consistency)
	if err != nil || q.History.IsZero() {
		return r, err
	}
	if _, history := r.Engine.Identity(); firn.ID(history).IsZero() {
		return r, firn.Errorf(firn.ErrUnavailable, "this node was just started and does not know yet whether its store is in history %v, in which the position was noted; try again, or ask another node", q.History)
	}
	return r, nil
}

// consistent returns the replica once a read of its engine shows what c asks for.
func (s *Service) consistent(ctx context.Context, c firn.Consistency) (*Replica, error) {
	r, err := s.current()
	if err != nil {
		return nil, err
	}
	switch {
	case c.AtLeast > 0:
		return r, r.Engine.WaitHead(ctx, c.AtLeast-1)
	case c.Local || planted.Is(planted.ReplicaAnswersAlone): // as if every read were local
		return r, nil
	}
	return r, r.Log.ReadIndex(ctx)
}
