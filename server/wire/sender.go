package wire

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Sender writes frames to a connection for many goroutines. Frames that come
// while another write is under way are gathered into the next one; when nothing
// waits, it holds neither a goroutine nor a buffer.
type Sender struct {
	w io.Writer

	total   *atomic.Int64 // counts what this and other Senders hold
	held    atomic.Int64  // bytes of frames that are queued or being written
	full    atomic.Bool   // more is queued than Send lets in
	writing atomic.Int64  // when the write under way began, in Unix nanoseconds; 0: none is

	mu      sync.Mutex
	queue   []*Buffer
	queued  int           // bytes in queue
	busy    bool          // a flush is running; it takes the queue
	drained chan struct{} // made by one who waits, closed when the queue is taken or found empty
	err     error
}

const (
	queuedMax   = 1 << 20  // bytes that may wait; above it Send waits
	gatherBytes = 16 << 10 // frames below this are copied together
)

// NewSender returns a Sender for w. A failed write is passed to whoever sends
// next; closing w ends a write that hangs.
func NewSender(w io.Writer) *Sender { return NewCountingSender(w, new(atomic.Int64)) }

// NewCountingSender is NewSender with a number to which the Sender adds the bytes
// that it holds, as others may.
func NewCountingSender(w io.Writer, total *atomic.Int64) *Sender { return &Sender{w: w, total: total} }

// Send queues a whole frame, which belongs to the Sender from then on. It waits
// while too much is queued. An error other than ctx's means that the connection
// is lost; without an error the frame may still be lost with it.
func (s *Sender) Send(ctx context.Context, frame *Buffer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.queued > queuedMax && s.err == nil {
		if err := s.wait(ctx); err != nil {
			frame.Free()
			return err
		}
	}
	if s.err != nil {
		frame.Free()
		return s.err
	}
	s.hold(len(frame.B))
	s.queued += len(frame.B)
	s.full.Store(s.queued > queuedMax)
	if last := len(s.queue) - 1; last >= 0 && len(frame.B) < gatherBytes && len(s.queue[last].B)+len(frame.B) <= cap(s.queue[last].B) {
		s.queue[last].B = append(s.queue[last].B, frame.B...)
		frame.Free()
	} else if last >= 0 && len(frame.B) < gatherBytes {
		joined := NewBuffer(largeBytes)
		joined.B = append(joined.B, frame.B...)
		s.queue = append(s.queue, joined)
		frame.Free()
	} else {
		s.queue = append(s.queue, frame)
	}
	if !s.busy {
		s.busy = true
		go s.flush()
	}
	return nil
}

// flush writes until nothing is queued.
func (s *Sender) flush() {
	var taken []*Buffer
	for {
		// Let those who are about to send do so: answers come in bursts, and
		// one write for many of them is what makes them cheap.
		runtime.Gosched()
		s.mu.Lock()
		if s.drained != nil {
			close(s.drained)
			s.drained = nil
		}
		if len(s.queue) == 0 || s.err != nil {
			s.hold(-s.queued)
			s.busy, s.queue, s.queued = false, nil, 0
			s.full.Store(false)
			s.mu.Unlock()
			return
		}
		bytes := s.queued
		taken, s.queue, s.queued = s.queue, taken[:0], 0
		s.full.Store(false)
		s.mu.Unlock()
		s.writing.Store(time.Now().UnixNano())
		err := s.write(taken)
		s.writing.Store(0)
		s.hold(-bytes)
		for i, b := range taken {
			b.Free()
			taken[i] = nil
		}
		if err != nil {
			s.Fail(err)
		}
	}
}

func (s *Sender) write(frames []*Buffer) error {
	if len(frames) == 1 {
		_, err := s.w.Write(frames[0].B)
		return err
	}
	all := make(net.Buffers, len(frames))
	for i, b := range frames {
		all[i] = b.B
	}
	_, err := all.WriteTo(s.w)
	return err
}

// Fail makes every later Send return err, and lets go those that wait.
func (s *Sender) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	if s.drained != nil {
		close(s.drained)
		s.drained = nil
	}
}

// Flush waits until all that was sent has been written.
func (s *Sender) Flush(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy && s.err == nil {
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
	return s.err
}

// wait gives mu up until the queue is taken or found empty.
func (s *Sender) wait(ctx context.Context) error {
	if s.drained == nil {
		s.drained = make(chan struct{})
	}
	drained := s.drained
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Room waits until Send would not wait. Its errors are Send's.
func (s *Sender) Room(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.queued > queuedMax && s.err == nil {
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
	return s.err
}

// Full reports whether Send would wait.
func (s *Sender) Full() bool { return s.full.Load() }

// Held returns the bytes of frames that are queued or being written.
func (s *Sender) Held() int64 { return s.held.Load() }

func (s *Sender) hold(bytes int) {
	s.held.Add(int64(bytes))
	s.total.Add(int64(bytes))
}

// Stuck returns for how long the write under way has been going on.
func (s *Sender) Stuck(now time.Time) time.Duration {
	if began := s.writing.Load(); began != 0 {
		return now.Sub(time.Unix(0, began))
	}
	return 0
}

// Buffer is memory for frames, from a pool.
type Buffer struct{ B []byte }

// SmallBytes is the least room that a Buffer has.
const SmallBytes = 2 << 10

const (
	largeBytes  = 64 << 10
	hugeBytes   = 320 << 10 // a batch of events
	pooledBytes = 1 << 20   // larger buffers are left to the garbage collector
)

var pools = [...]struct {
	bytes int
	pool  sync.Pool
}{{bytes: SmallBytes}, {bytes: largeBytes}, {bytes: hugeBytes}}

// NewBuffer returns an empty Buffer with room for the bytes.
func NewBuffer(bytes int) *Buffer {
	for i := range pools {
		if p := &pools[i]; bytes <= p.bytes {
			if b, ok := p.pool.Get().(*Buffer); ok {
				return b
			}
			return &Buffer{B: make([]byte, 0, p.bytes)}
		}
	}
	return &Buffer{B: make([]byte, 0, bytes)}
}

// Free gives the memory back. Nothing may point into it any more.
func (b *Buffer) Free() {
	size := cap(b.B)
	if size > pooledBytes {
		return
	}
	for i := len(pools) - 1; i >= 0; i-- {
		if size >= pools[i].bytes {
			b.B = b.B[:0]
			pools[i].pool.Put(b)
			return
		}
	}
}

// FrameOf returns a whole frame in a Buffer.
func FrameOf(call uint64, m Message) *Buffer {
	b := NewBuffer(SmallBytes)
	b.B = AppendFrame(b.B, call, m)
	return b
}
