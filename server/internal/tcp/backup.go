package tcp

import (
	"errors"
	"io"
	"time"

	"github.com/firndb/firn/server/wire"
)

// backup answers Backup: BackupBegins, then BackupPart frames, and now and then
// Progress, as far as the credit reaches, then End.
func (j job) backup() (_ wire.Message, err error) {
	var m wire.Backup
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	j.call.grant(m.Credit)
	ended := j.untilStopping()
	defer func() { err = ended(err) }()
	bytes, image, err := j.conn.server.backend.Backup(j.call.ctx, &m, j.reading())
	if err != nil {
		return nil, err
	}
	defer image.Close()
	if err := j.beginBatch(); err != nil {
		return nil, err
	}
	if err := j.endBatch(wire.FrameOf(j.header.Call, &wire.BackupBegins{Bytes: bytes})); err != nil {
		return nil, err
	}
	part := make([]byte, min(batchBytes, int(j.conn.limits.FrameBytes)-itemAround))
	for {
		n, err := io.ReadFull(image, part)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		if n > 0 {
			if err := j.beginBatch(); err != nil {
				return nil, err
			}
			frame := wire.NewBuffer(n + itemAround)
			frame.B = wire.AppendFrame(frame.B, j.header.Call, &wire.BackupPart{Part: part[:n]})
			if err := j.endBatch(frame); err != nil {
				return nil, err
			}
		}
		if err != nil {
			return &wire.Plain{Is: wire.KindEnd}, nil
		}
	}
}

// reading returns what tells the client that files are being read, although
// nothing of them is sent: the client holds them.
func (j job) reading() func(bytes uint64) {
	told := time.Now()
	return func(bytes uint64) {
		if now := time.Now(); now.Sub(told) >= progressEvery && j.call.credit.Load() > 0 {
			told = now
			frame := wire.FrameOf(j.header.Call, &wire.Progress{Done: bytes})
			j.call.credit.Add(int64(-len(frame.B)))
			j.conn.out.Send(j.call.ctx, frame)
		}
	}
}
