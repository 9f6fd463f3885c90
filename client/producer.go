package client

import (
	"context"
	"sync"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
)

// ProducerOptions configure a [Producer]. Zero means the default.
type ProducerOptions struct {
	BatchEvents  int // of one append; default 512
	BatchBytes   int // of one append, about; default 512 KiB
	PendingBytes int // handed in and not answered yet; above it Append waits; default 16 MiB
}

// Producer appends for those who do not wait for each answer. What is handed in
// while one append is under way makes up the next, so an idle producer sends at
// once and a busy one in batches.
//
// Events of one stream are appended in the order in which they were handed in,
// with the expectation firn.Any. Those of different streams may change places
// within a batch. A batch is one append; where it is refused, each part of it
// is appended by itself, so that nobody fails for a neighbour.
type Producer struct {
	store firn.Store      // read only
	o     ProducerOptions // read only
	ctx   context.Context // ends when Close has waited long enough
	stop  context.CancelFunc
	wake  chan struct{} // signals the sending goroutine
	ended chan struct{} // closed when it has ended

	mu      sync.Mutex
	queue   []*Pending
	bytes   int           // of all that is not answered yet
	open    int           // how many are not answered yet
	closing bool          // nothing more is handed in
	moved   chan struct{} // closed when bytes or open goes down; nil: nobody waits
}

// Pending is what was handed to a [Producer], and later its answer.
type Pending struct {
	write firn.Write
	bytes int
	done  chan struct{}

	appended firn.Appended // these two may be read once done is closed
	err      error
}

// Done is closed when there is an answer.
func (p *Pending) Done() <-chan struct{} { return p.done }

// Wait waits for the answer, which is that of [firn.Store]'s Append.
func (p *Pending) Wait(ctx context.Context) (firn.Appended, error) {
	select {
	case <-p.done:
		return p.appended, p.err
	case <-ctx.Done():
		return firn.Appended{}, ctx.Err()
	}
}

// IDs returns the ids of the events, made where the drafts had none.
func (p *Pending) IDs() []firn.ID {
	ids := make([]firn.ID, len(p.write.Drafts))
	for i := range ids {
		ids[i] = p.write.Drafts[i].ID
	}
	return ids
}

// NewProducer returns a producer on a store, most often a [Client]. It must be
// closed.
func NewProducer(store firn.Store, o ProducerOptions) *Producer {
	orDefault := func(value *int, otherwise int) {
		if *value <= 0 {
			*value = otherwise
		}
	}
	orDefault(&o.BatchEvents, 512)
	orDefault(&o.BatchBytes, 512<<10)
	orDefault(&o.PendingBytes, 16<<20)
	o.BatchEvents = min(o.BatchEvents, firn.AppendEventsMax)
	o.BatchBytes = min(o.BatchBytes, firn.AppendBytesMax/2)
	p := &Producer{store: store, o: o, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	p.ctx, p.stop = context.WithCancel(context.Background())
	go p.run()
	return p
}

// Append hands drafts in, all or none of which will be appended to the stream.
// It waits only while too much is pending. The drafts' bytes must not be changed
// until there is an answer.
func (p *Producer) Append(ctx context.Context, stream string, drafts ...firn.Draft) (*Pending, error) {
	if err := firn.CheckStreamName(stream); err != nil {
		return nil, err
	}
	if len(drafts) == 0 || len(drafts) > firn.AppendEventsMax {
		return nil, firn.Errorf(firn.ErrInvalid, "%d drafts are handed in at once; give 1 to %d", len(drafts), firn.AppendEventsMax)
	}
	item := &Pending{done: make(chan struct{})}
	item.write = firn.Write{Stream: stream, Drafts: append([]firn.Draft(nil), drafts...)}
	for i := range item.write.Drafts {
		d := &item.write.Drafts[i]
		d.Complete(ctx)
		if err := record.CheckDraft(d); err != nil {
			return nil, err
		}
	}
	item.bytes = estimate([]firn.Write{item.write})

	p.mu.Lock()
	defer p.mu.Unlock()
	for !p.closing && p.bytes > 0 && p.bytes+item.bytes > p.o.PendingBytes {
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
	}
	if p.closing {
		return nil, firn.Errorf(firn.ErrUnavailable, "the producer is closed; nothing was done")
	}
	p.queue = append(p.queue, item)
	p.bytes += item.bytes
	p.open++
	p.signal()
	return item, nil
}

// Flush waits until all that was handed in before has an answer.
func (p *Producer) Flush(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.open > 0 {
		if err := p.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Close takes nothing more, waits for the answers as long as ctx allows, and
// gives up on the rest, which end in ErrUnknown or ErrUnavailable.
func (p *Producer) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closing = true
	p.moving()
	p.mu.Unlock()
	err := p.Flush(ctx)
	p.stop()
	p.mu.Lock()
	p.signal()
	p.mu.Unlock()
	<-p.ended
	return err
}

// wait gives mu up until something was answered.
func (p *Producer) wait(ctx context.Context) error {
	if p.moved == nil {
		p.moved = make(chan struct{})
	}
	moved := p.moved
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-moved:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Producer) moving() {
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}

func (p *Producer) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run sends one batch after the other.
func (p *Producer) run() {
	defer close(p.ended)
	for {
		p.mu.Lock()
		batch := p.take()
		p.mu.Unlock()
		if len(batch) > 0 {
			p.send(batch)
			continue
		}
		select {
		case <-p.wake:
		case <-p.ctx.Done():
			return
		}
	}
}

// take takes the next batch off the queue: at least one item, and as many more
// as the limits allow.
func (p *Producer) take() []*Pending {
	n, events, bytes := 0, 0, 0
	for _, item := range p.queue {
		events += len(item.write.Drafts)
		bytes += item.bytes
		if n > 0 && (events > p.o.BatchEvents || bytes > p.o.BatchBytes) {
			break
		}
		n++
	}
	batch := p.queue[:n:n]
	p.queue = p.queue[n:]
	return batch
}
