package tcp

import (
	"iter"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// list answers a call with a list: frames of some of the items each, as far as
// the credit reaches, then End.
type list[T any] struct {
	items   iter.Seq2[T, error]
	size    func(*T) int // bytes of the item's texts; its numbers are allowed for
	message func([]T) wire.Message
}

const (
	itemsMax   = 512 // of one frame
	itemAround = 128 // bytes of one item's numbers
)

func (l list[T]) answer(j job, credit uint64) (wire.Message, error) {
	j.call.grant(credit)
	var some []T
	bytes := 0
	flush := func() error {
		if len(some) == 0 {
			return nil
		}
		if err := j.beginBatch(); err != nil {
			return err
		}
		frame := wire.FrameOf(j.header.Call, l.message(some))
		some, bytes = some[:0], 0
		return j.endBatch(frame)
	}
	for item, err := range l.items {
		if err != nil {
			// What was listed before the error is the client's all the same.
			if flushErr := flush(); flushErr != nil {
				return nil, flushErr
			}
			return nil, err
		}
		size := l.size(&item) + itemAround
		if len(some) == itemsMax || bytes+size > min(batchBytes, int(j.conn.limits.FrameBytes)-itemAround) {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		some = append(some, item)
		bytes += size
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return &wire.Plain{Is: wire.KindEnd}, nil
}

// streams answers Streams.
func (j job) streams() (wire.Message, error) {
	var m wire.Streams
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	if err := m.Query.Check(); err != nil {
		return nil, err
	}
	return list[firn.StreamInfo]{
		items:   j.conn.server.backend.Streams(j.call.ctx, m.Query),
		size:    func(i *firn.StreamInfo) int { return len(i.Name) + len(i.Metadata) },
		message: func(some []firn.StreamInfo) wire.Message { return &wire.StreamList{Infos: some} },
	}.answer(j, m.Credit)
}
