package tcp

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

const (
	batchBytes = 256 << 10 // of an Events frame; a longer event has a frame of its own
	batchRoom  = 320 << 10 // memory for one, so that the last event of a batch need not move it
	infosMax   = 512       // of a StreamList frame
)

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
	c, id, frameMax := j.conn, j.header.Call, int(j.conn.limits.FrameBytes)
	var frame *wire.Buffer
	var w wire.EventsWriter
	flush := func() error {
		if frame == nil {
			return nil
		}
		w.End()
		frame.B = w.Buf
		full := frame
		frame = nil
		if err := j.call.spend(len(full.B)); err != nil {
			full.Free()
			return err
		}
		return c.out.Send(j.call.ctx, full)
	}
	for stored, err := range c.server.backend.Records(j.call.ctx, m.Query) {
		if err != nil {
			// What was read before the error is the client's all the same.
			if flushErr := flush(); flushErr != nil {
				return nil, flushErr
			}
			return nil, err
		}
		const around = 64 // of the frame and of one item
		size := len(stored.Bytes) + len(stored.Stream) + around
		if frame != nil && w.Bytes()+size > min(batchBytes, frameMax) {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		if size > frameMax {
			return nil, firn.Errorf(firn.ErrTooLarge, "the event at position %d (stream %.64q) takes a frame of %d bytes; this connection allows %d", stored.Position, stored.Stream, size, frameMax)
		}
		if frame == nil {
			frame = wire.NewBuffer(batchRoom)
			w = wire.BeginEvents(frame.B, id)
		}
		w.Add(stored.Stream, stored.Bytes)
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return &wire.Plain{Is: wire.KindEnd}, nil
}

// streams answers Streams: StreamList frames as far as the credit reaches, then
// End.
func (j job) streams() (wire.Message, error) {
	var m wire.Streams
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	if err := m.Query.Check(); err != nil {
		return nil, err
	}
	j.call.grant(m.Credit)
	var list wire.StreamList
	bytes := 0
	flush := func() error {
		if len(list.Infos) == 0 {
			return nil
		}
		frame := wire.FrameOf(j.header.Call, &list)
		list.Infos, bytes = list.Infos[:0], 0
		if err := j.call.spend(len(frame.B)); err != nil {
			frame.Free()
			return err
		}
		return j.conn.out.Send(j.call.ctx, frame)
	}
	for info, err := range j.conn.server.backend.Streams(j.call.ctx, m.Query) {
		if err != nil {
			if flushErr := flush(); flushErr != nil {
				return nil, flushErr
			}
			return nil, err
		}
		const around = 128 // the numbers of one description
		size := len(info.Name) + len(info.Metadata) + around
		if len(list.Infos) == infosMax || bytes+size > min(batchBytes, int(j.conn.limits.FrameBytes)-around) {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		list.Infos = append(list.Infos, info)
		bytes += size
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return &wire.Plain{Is: wire.KindEnd}, nil
}
