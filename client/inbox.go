package client

import (
	"context"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// inbox takes the frames of a call that is answered by several. The credit that
// the client grants bounds what lies in it.
type inbox struct {
	window int  // read only
	leader bool // read only: what comes is the leader's to give

	mu       sync.Mutex
	frames   []frame
	bytes    int
	err      error     // ends the call, behind the frames
	over     bool      // ended is closed
	deadline time.Time // while somebody waits; zero: nobody does
	signal   chan struct{}

	ended chan struct{} // closed when no further frame comes
}

type frame struct {
	kind wire.Kind
	body []byte
}

func newInbox(window int) *inbox {
	return &inbox{window: window, signal: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (b *inbox) take(k wire.Kind, body []byte) (last bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch k {
	case wire.KindError:
		m := new(wire.Error)
		if b.err = wire.ParseInto(m, body); b.err == nil {
			b.err = m.Err
		}
		last = true
	case wire.KindEnd, wire.KindVerified:
		last = true
		fallthrough
	default:
		b.frames = append(b.frames, frame{k, body})
		b.bytes += wire.HeaderBytes + len(body)
		// A frame may go over the credit, not two.
		if before := b.bytes - wire.HeaderBytes - len(body); !last && before > b.window {
			b.err = firn.Errorf(firn.ErrInternal, "the node sent %d bytes ahead, of %d that it was granted", before, b.window)
			last = true
		}
	}
	if last {
		b.end()
	}
	b.wake()
	return last
}

func (b *inbox) end() {
	if !b.over {
		b.over = true
		close(b.ended)
	}
}

// rest takes out all frames that are there.
func (b *inbox) rest() []frame {
	b.mu.Lock()
	defer b.mu.Unlock()
	frames := b.frames
	b.frames, b.bytes = nil, 0
	return frames
}

// isOver reports whether no further frame comes.
func (b *inbox) isOver() bool {
	select {
	case <-b.ended:
		return true
	default:
		return false
	}
}

func (b *inbox) lost(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	b.end()
	b.wake()
}

func (b *inbox) wake() {
	select {
	case b.signal <- struct{}{}:
	default:
	}
}

func (b *inbox) overdue(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.deadline.IsZero() && now.After(b.deadline)
}

func (b *inbox) leaders() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.leader && !b.deadline.IsZero()
}

// next returns the next frame, waiting for it until the deadline.
func (b *inbox) next(ctx context.Context, deadline time.Time) (frame, error) {
	for {
		b.mu.Lock()
		if len(b.frames) > 0 {
			f := b.frames[0]
			b.frames[0] = frame{}
			b.frames = b.frames[1:]
			b.bytes -= wire.HeaderBytes + len(f.body)
			b.deadline = time.Time{}
			b.mu.Unlock()
			return f, nil
		}
		err := b.err
		b.deadline = deadline
		b.mu.Unlock()
		if err != nil {
			return frame{}, err
		}
		select {
		case <-b.signal:
		case <-ctx.Done():
			return frame{}, ctx.Err()
		}
	}
}

// flow is a call that is answered by several frames, being received.
type flow struct {
	conn *conn
	id   uint64
	in   *inbox
	owed int // bytes taken out that no credit was granted for yet
}

// begin starts a call whose message grants the window as its first credit.
func (t *tries) begin(ctx context.Context, k wire.Kind, body []byte) (*flow, error) {
	conn, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	f := &flow{conn: conn, in: newInbox(t.client.o.WindowBytes)}
	switch k { // apart from those that wait for what is yet to happen
	case wire.KindRead, wire.KindStreams, wire.KindLoad:
		f.in.leader = !t.local && !t.spread && t.pinned == ""
	}
	if f.id, err = conn.start(f.in); err != nil {
		return nil, err
	}
	if err := conn.send(ctx, k, f.id, body); err != nil {
		conn.forget(f.id)
		return nil, err
	}
	return f, nil
}

// next returns the next frame and grants credit for those taken out.
func (f *flow) next(ctx context.Context, deadline time.Time) (frame, error) {
	got, err := f.in.next(ctx, deadline)
	if err != nil || got.kind == wire.KindEnd {
		return got, err
	}
	f.owed += wire.HeaderBytes + len(got.body)
	if f.owed >= f.in.window/4 {
		f.conn.tell(f.id, &wire.Credit{Bytes: uint64(f.owed)})
		f.owed = 0
	}
	return got, nil
}

// end makes the node stop, where it has not come to the end.
func (f *flow) end() { f.conn.abandon(f.id) }
