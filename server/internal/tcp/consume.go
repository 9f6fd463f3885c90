package tcp

import (
	"context"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// consume answers Consume: Deliveries frames as events become due and as far as
// the credit reaches, until the client has enough. However it ends, the consumer
// is closed, which gives back what is not settled.
func (j job) consume() (wire.Message, error) {
	var m wire.Consume
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	j.call.grant(m.Credit)
	ended := j.untilStopping()
	err := j.consumeFrom(&m)
	if context.Cause(j.call.ctx) == context.Canceled && j.conn.ctx.Err() == nil {
		err = nil // the client has enough
	}
	return &wire.Plain{Is: wire.KindEnd}, ended(err)
}

func (j job) consumeFrom(m *wire.Consume) (err error) {
	c := j.conn
	consumer, err := c.server.backend.Consume(j.call.ctx, m.Group, m.InFlight)
	if err != nil {
		return err
	}
	defer func() {
		c.setConsumer(j.call, nil)
		if closeErr := consumer.Close(); err == nil {
			err = closeErr
		}
	}()
	c.setConsumer(j.call, consumer)
	if err := j.deliver(nil); err != nil { // says that the consumer is there
		return err
	}
	for {
		if err := j.call.wait(j.conn.server.stopping); err != nil { // the leases of deliveries run: ask for none that cannot be sent
			return err
		}
		due, err := consumer.Next(j.call.ctx, deliveriesMax)
		if err != nil {
			return err
		}
		if err := j.deliver(due); err != nil {
			return err
		}
	}
}

// deliveriesMax is how many deliveries are asked for at a time.
const deliveriesMax = 256

// deliver sends deliveries: in one frame, or several where they are large.
func (j job) deliver(due []wire.Delivery) error {
	frameMax := int(j.conn.limits.FrameBytes)
	for first := true; first || len(due) > 0; first = false {
		if err := j.beginBatch(); err != nil {
			return err
		}
		const around = 64 // of the frame, and of one delivery
		bytes, n := 0, 0
		for n < len(due) {
			size := len(due[n].Stream) + len(due[n].Record) + around
			if f := due[n].Fault; f != nil {
				size += len(f.Message)
			}
			if n > 0 && bytes+size > min(batchBytes, frameMax-around) {
				break
			}
			bytes += size
			n++
		}
		frame := wire.NewBuffer(bytes + around)
		w := wire.BeginDeliveries(frame.B, j.header.Call)
		for i := range due[:n] {
			w.Add(&due[i])
		}
		w.End()
		frame.B = w.Buf
		if len(frame.B) > frameMax {
			err := firn.Errorf(firn.ErrTooLarge, "an event of stream %.64q takes a frame of %d bytes; this connection allows %d", due[0].Stream, len(frame.B), frameMax)
			frame.Free()
			j.giveBatch()
			return err
		}
		if err := j.endBatch(frame); err != nil {
			return err
		}
		due = due[n:]
	}
	return nil
}

// settle answers Settle. Where the consumer is gone its deliveries were given
// back, and every token is void.
func (j job) settle() (wire.Message, error) {
	var m wire.Settle
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	consumer := j.conn.consumer(m.Consume)
	if consumer == nil {
		return &wire.Counted{Count: uint64(len(m.Answers))}, nil
	}
	void, err := consumer.Settle(j.conn.ctx, m.Answers)
	return &wire.Counted{Count: uint64(void)}, err
}

func (c *conn) setConsumer(k *call, consumer Consumer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.consumer = consumer
}

// consumer returns the consumer of a Consume call, or nil.
func (c *conn) consumer(id uint64) Consumer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.calls[id]; k != nil {
		return k.consumer
	}
	return nil
}
