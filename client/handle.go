package client

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// HandleOptions of [Handle]. Zero means the default.
type HandleOptions struct {
	// Parallel is how many events are handled at a time. Default 1.
	Parallel int

	// Batch is how many answers may be sent together; so many deliveries, less
	// one, are taken beside those that are being handled. The lease of a delivery
	// runs while it waits for its turn: raise it for handlers that take
	// milliseconds, not seconds. Default 1.
	Batch int

	Logger *slog.Logger // told of answers that did not count; nil: nobody is
}

func (o HandleOptions) withDefaults() (HandleOptions, error) {
	const most = 1 << 16
	if o.Parallel < 0 || o.Parallel > most || o.Batch < 0 || o.Batch > most {
		return o, firn.Errorf(firn.ErrInvalid, "%d handlers and batches of %d; give 1 to %d of each", o.Parallel, o.Batch, most)
	}
	o.Parallel, o.Batch = max(o.Parallel, 1), max(o.Batch, 1)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Handle is a consumer of a group that calls a function for each delivery, until
// ctx ends or the group cannot be consumed any more. Any store that has groups
// will do, an embedded one too.
//
// Where the function returns nil the event is acknowledged. [Park] parks it, and
// any other error lets it come again, after the group's backoff or that of
// [RetryAfter], and parks it after its last attempt; the error's text is kept as
// the reason. [Stop] ends Handle. In an ordered group the events of one stream
// are handled one after the other, whatever Parallel is.
//
// The function's context ends a little before the delivery's lease, and not with
// ctx: when ctx ends, Handle lets those finish that have begun, sends their
// answers, gives the rest back and returns nil. An event may come again, to this
// program or another, where its answer did not arrive in time or the program
// died: what the function does, it must be able to do twice.
func Handle(ctx context.Context, db firn.Groups, group string, o HandleOptions, handle func(context.Context, firn.Delivery) error) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	info, err := db.GroupInfo(ctx, group)
	if err != nil {
		return unlessOver(ctx, err)
	}
	stopping, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	h := &handling{
		group: info.Group, log: o.Logger.With("group", group), handle: handle,
		// Nobody may be there to be told, but what has begun is finished.
		ctx: context.WithoutCancel(ctx), stopping: stopping, stop: stop,
		slots: make(chan struct{}, o.Parallel), lanes: make(map[string][]taken),
		answers: make(chan firn.Settlement, o.Parallel+o.Batch),
	}
	if h.consumer, err = db.Consume(ctx, group, uint32(o.Parallel+o.Batch-1)); err != nil {
		return unlessOver(ctx, err)
	}
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		h.settle(o.Parallel + o.Batch)
	}()
	for d, deliveryErr := range h.consumer.Deliveries(stopping) {
		if deliveryErr != nil {
			err = deliveryErr
			break
		}
		h.take(d)
	}
	h.working.Wait()
	close(h.answers)
	<-settled
	if closeErr := h.consumer.Close(); err == nil {
		err = closeErr
	}
	var stopped *stopError
	if errors.As(context.Cause(stopping), &stopped) {
		return stopped.error
	}
	return unlessOver(ctx, err)
}

// unlessOver returns the error of a call that did not fail because its context
// has ended.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// handling is a call of Handle.
type handling struct {
	// Set by Handle, then read only.
	group    firn.Group
	log      *slog.Logger
	handle   func(context.Context, firn.Delivery) error
	ctx      context.Context // of the handlers: does not end
	stopping context.Context // ends when no further one may begin
	stop     context.CancelCauseFunc
	consumer firn.Consumer

	slots   chan struct{} // holds one for each handler at work
	answers chan firn.Settlement
	working sync.WaitGroup // of the lanes

	mu    sync.Mutex
	lanes map[string][]taken // streams with a delivery at work or in wait for a slot, and those behind it
}

// taken is a delivery with the end of its lease, a little early: the answer must
// arrive in time.
type taken struct {
	firn.Delivery
	until time.Time
}

// leaseMargin is the part of a lease that is left for the answer, up to
// leaseMarginMax.
const (
	leaseMargin    = 10
	leaseMarginMax = time.Second
)

// take begins to work on a delivery, or puts it behind the one of its stream
// that is worked on: that is so in an ordered group where a lease has ended
// before its handler.
func (h *handling) take(d firn.Delivery) {
	lease := h.group.Lease
	t := taken{d, time.Now().Add(lease - min(lease/leaseMargin, leaseMarginMax))}
	if h.group.Unordered {
		h.working.Go(func() { h.work(t) })
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	behind, busy := h.lanes[d.Event.Stream]
	if busy {
		h.lanes[d.Event.Stream] = append(behind, t)
		return
	}
	h.lanes[d.Event.Stream] = nil
	h.working.Go(func() { h.lane(t) })
}

// lane works on the deliveries of a stream until none is left.
func (h *handling) lane(t taken) {
	stream := t.Event.Stream
	for {
		h.work(t)
		h.mu.Lock()
		behind := h.lanes[stream]
		if len(behind) == 0 {
			delete(h.lanes, stream)
			h.mu.Unlock()
			return
		}
		t, h.lanes[stream] = behind[0], behind[1:]
		h.mu.Unlock()
	}
}

// work handles a delivery once there is a slot. Where Handle is stopping, or the
// lease has ended in the meantime, the delivery is left to others.
func (h *handling) work(t taken) {
	select {
	case h.slots <- struct{}{}:
	case <-h.stopping.Done():
		h.giveBack(t)
		return
	}
	defer func() { <-h.slots }()
	if h.stopping.Err() != nil {
		h.giveBack(t)
		return
	}
	if !time.Now().Before(t.until) {
		h.log.Warn("a delivery's lease ended before its turn came; it comes again", "stream", t.Event.Stream, "position", t.Event.Position)
		return
	}
	ctx, cancel := context.WithDeadline(h.ctx, t.until)
	defer cancel()
	err := h.handle(ctx, t.Delivery)
	var stopped *stopError
	if errors.As(err, &stopped) {
		h.stop(stopped)
		h.giveBack(t)
		return
	}
	h.answers <- answerTo(t.Token, err)
}

func (h *handling) giveBack(t taken) {
	h.answers <- firn.Settlement{Token: t.Token, Outcome: firn.GiveBack}
}

// settle sends answers: all that have gathered while those before were on their
// way.
func (h *handling) settle(most int) {
	var some []firn.Settlement
	for first := range h.answers {
		some = append(some[:0], first)
		for more := true; more && len(some) < most; {
			select {
			case next, open := <-h.answers:
				if more = open; open {
					some = append(some, next)
				}
			default:
				more = false
			}
		}
		ctx, cancel := context.WithTimeout(h.ctx, h.group.Lease)
		if err := h.consumer.Settle(ctx, some...); err != nil {
			h.log.Warn("answers did not count; their events come again", "answers", len(some), "error", err)
		}
		cancel()
	}
}
