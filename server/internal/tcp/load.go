package tcp

import "github.com/firndb/firn/server/wire"

// load answers Load: Loaded, then Events as far as the credit reaches, then
// End.
func (j job) load() (wire.Message, error) {
	var m wire.Load
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	j.call.grant(m.Credit)
	loading, err := j.conn.server.backend.Load(j.call.ctx, m.Query)
	if err != nil {
		return nil, err
	}
	if err := j.beginBatch(); err != nil {
		return nil, err
	}
	if err := j.endBatch(wire.FrameOf(j.header.Call, &loading.Found)); err != nil {
		return nil, err
	}
	return j.send(loading.Records)
}

// saveSnapshot answers SaveSnapshot. Like an append, it goes on once the node
// has it.
func (j job) saveSnapshot() (wire.Message, error) {
	var m wire.SaveSnapshot
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	err := j.conn.server.backend.SaveSnapshot(j.conn.ctx, m.Snapshot)
	return &wire.Plain{Is: wire.KindDone}, err
}
