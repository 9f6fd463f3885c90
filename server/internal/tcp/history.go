package tcp

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

func (j job) state() (wire.Message, error) {
	var m wire.State
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	state, err := j.conn.server.backend.State(j.call.ctx, m.Query)
	return j.fitting(&wire.StateIs{State: state}, err)
}

func (j job) diff() (wire.Message, error) {
	var m wire.Diff
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	diff, err := j.conn.server.backend.Diff(j.call.ctx, m.Query)
	return j.fitting(&wire.DiffIs{Diff: diff}, err)
}

func (j job) blame() (wire.Message, error) {
	var m wire.Blame
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	blame, err := j.conn.server.backend.Blame(j.call.ctx, m.Query)
	return j.fitting(&wire.BlameIs{Blame: blame}, err)
}

func (j job) bisect() (wire.Message, error) {
	var m wire.Bisect
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	found, err := j.conn.server.backend.Bisect(j.call.ctx, m.Query)
	return j.fitting(&wire.Bisected{Bisected: found}, err)
}

// fitting refuses an answer for which this connection has no frame.
func (j job) fitting(m wire.Message, err error) (wire.Message, error) {
	if err != nil {
		return nil, err
	}
	frame := wire.FrameOf(j.header.Call, m)
	defer frame.Free()
	if n := len(frame.B); uint64(n) > j.conn.limits.FrameBytes {
		return nil, firn.Errorf(firn.ErrTooLarge, "the answer takes a frame of %d bytes; this connection allows %d; ask about a part of the state, or about less of the past", n, j.conn.limits.FrameBytes)
	}
	return m, nil
}
