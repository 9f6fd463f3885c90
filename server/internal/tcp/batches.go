package tcp

import (
	"iter"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/wire"
)

const (
	batchBytes = 256 << 10 // of an Events frame; a longer event has a frame of its own
	batchRoom  = 320 << 10 // memory for one, so that the last event of a batch need not move it
	batchesMax = 32        // of one connection that are being filled or wait to be queued
)

// beginBatch waits for credit, then for a place among the connection's batches.
// A call that may not send, or waits behind others, holds no memory for events.
func (j job) beginBatch() error {
	if err := j.call.wait(j.conn.server.stopping); err != nil {
		return err
	}
	select {
	case j.conn.batches <- struct{}{}:
	case <-j.call.ctx.Done():
		return j.call.ctx.Err()
	}
	if err := j.conn.server.awaitOutgoing(j.call.ctx); err != nil {
		<-j.conn.batches
		return err
	}
	j.conn.server.sending.used.Add(batchRoom)
	return nil
}

// giveBatch gives a batch's place up.
func (j job) giveBatch() {
	j.conn.server.sending.give(batchRoom)
	<-j.conn.batches
}

// endBatch sends the frame, takes it off the credit and gives the place up.
func (j job) endBatch(frame *wire.Buffer) error {
	j.call.credit.Add(int64(-len(frame.B)))
	err := j.conn.out.Send(j.call.ctx, frame)
	j.giveBatch()
	return err
}

// batches puts the events that answer a call into frames. A frame that is
// begun has its place among the connection's batches.
type batches struct {
	job   job
	frame *wire.Buffer // nil: none is begun
	w     wire.EventsWriter

	faults     []wire.ShownFault // of the events in the frame
	faultBytes int
}

// add adds an event, behind sending the frame where that has no room for it.
// many says that more events are to be expected.
func (b *batches) add(stored *record.Stored, many bool) error {
	const around = 64 // of the frame and of one item
	frameMax := int(b.job.conn.limits.FrameBytes)
	size := len(stored.Bytes) + len(stored.Stream) + around
	if b.frame != nil && max(b.w.Bytes()+size, b.faultBytes+faultMax) > min(batchBytes, frameMax) {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if size > frameMax {
		return firn.Errorf(firn.ErrTooLarge, "the event at position %d (stream %.64q) takes a frame of %d bytes; this connection allows %d", stored.Position, stored.Stream, size, frameMax)
	}
	if b.frame == nil {
		if err := b.job.beginBatch(); err != nil {
			return err
		}
		room := batchRoom
		if !many {
			room = size
		}
		b.frame = wire.NewBuffer(room)
		b.w = wire.BeginEvents(b.frame.B, b.job.header.Call)
	}
	b.w.Add(stored.Stream, stored.Bytes)
	if stored.Fault != nil {
		b.fault(stored)
	}
	return nil
}

// faultMax is about what one fault takes in its frame.
const faultMax = 512

// fault notes why an event is not in today's shape.
func (b *batches) fault(stored *record.Stored) {
	why := stored.Fault.Message
	if len(why) > faultMax-32 {
		why = strings.ToValidUTF8(why[:faultMax-35], "") + "…"
	}
	b.faults = append(b.faults, wire.ShownFault{Position: stored.Position, Kind: stored.Fault.Kind, Message: why})
	b.faultBytes += 32 + len(why)
}

// bytes returns the size of the frame that is begun.
func (b *batches) bytes() int {
	if b.frame == nil {
		return 0
	}
	return b.w.Bytes()
}

// flush sends the frame, where one is begun, behind what is to be said of its
// events.
func (b *batches) flush() error {
	if b.frame == nil {
		return nil
	}
	b.w.End()
	b.frame.B = b.w.Buf
	full := b.frame
	b.frame = nil
	if len(b.faults) > 0 {
		before := wire.FrameOf(b.job.header.Call, &wire.Faults{Faults: b.faults})
		b.faults, b.faultBytes = b.faults[:0], 0
		b.job.call.credit.Add(int64(-len(before.B)))
		err := b.job.conn.out.Send(b.job.call.ctx, before)
		if err == nil {
			err = b.job.call.wait(b.job.conn.server.stopping)
		}
		if err != nil {
			b.job.giveBatch()
			return err
		}
	}
	return b.job.endBatch(full)
}

// drop is called in the end: a frame that is begun gives up its place, and is
// sent where it still can be.
func (b *batches) drop() { b.flush() }

// readEvents answers Read: Events frames as far as the credit reaches, then
// End.
func (j job) readEvents() (wire.Message, error) {
	var m wire.Read
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	if err := m.Query.Check(); err != nil {
		return nil, err
	}
	j.call.grant(m.Credit)
	return j.send(j.conn.server.backend.Records(j.call.ctx, m.Query))
}

// send answers with events, then End.
func (j job) send(records iter.Seq2[record.Stored, error]) (wire.Message, error) {
	out := &batches{job: j}
	defer out.drop()
	for stored, err := range records {
		if err != nil {
			// What was read before the error is the client's all the same.
			if flushErr := out.flush(); flushErr != nil {
				return nil, flushErr
			}
			return nil, err
		}
		if err := out.add(&stored, true); err != nil {
			return nil, err
		}
	}
	if err := out.flush(); err != nil {
		return nil, err
	}
	return &wire.Plain{Is: wire.KindEnd}, nil
}
