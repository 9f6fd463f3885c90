package tcp

import (
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

func (j job) status() (wire.Message, error) {
	if err := wire.ParseInto(&wire.Plain{Is: j.header.Kind}, j.body.B); err != nil {
		return nil, err
	}
	status, err := j.conn.server.backend.Status(j.call.ctx)
	return &status, err
}

func (j job) addNode() (wire.Message, error) {
	var m wire.AddNode
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	if m.Node == "" || m.Peer == "" {
		return nil, firn.Errorf(firn.ErrInvalid, "to add a node takes its id and its peer address (got %q and %q)", m.Node, m.Peer)
	}
	return &wire.Plain{Is: wire.KindDone}, j.conn.server.backend.AddNode(j.call.ctx, m.Node, m.Peer)
}

func (j job) changeNode() (wire.Message, error) {
	m := wire.Named{Is: j.header.Kind}
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	b, ctx := j.conn.server.backend, j.call.ctx
	done := &wire.Plain{Is: wire.KindDone}
	switch {
	case m.Is == wire.KindTransfer:
		return done, b.Transfer(ctx, m.Node)
	case m.Node == "":
		return nil, firn.Errorf(firn.ErrInvalid, "%v takes the id of a node", m.Is)
	case m.Is == wire.KindRemoveNode:
		return done, b.RemoveNode(ctx, m.Node)
	}
	return done, b.PromoteNode(ctx, m.Node)
}

// progressEvery is how often something long tells how far it has come.
const progressEvery = 100 * time.Millisecond

func (j job) verify() (wire.Message, error) {
	if err := wire.ParseInto(&wire.Plain{Is: j.header.Kind}, j.body.B); err != nil {
		return nil, err
	}
	report, err := j.conn.server.backend.Verify(j.call.ctx, j.progress())
	return &report, err
}

// progress returns a function that tells the client how far something has come, a
// few times a second.
func (j job) progress() func(done, total uint64) {
	var told time.Time
	return func(done, total uint64) {
		if now := time.Now(); now.Sub(told) >= progressEvery {
			told = now
			j.conn.out.Send(j.call.ctx, wire.FrameOf(j.header.Call, &wire.Progress{Done: done, Total: total}))
		}
	}
}

func (j job) scavenge() (wire.Message, error) {
	var m wire.Scavenge
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	done, err := j.conn.server.backend.Scavenge(j.call.ctx, m.ID, m.Dry, j.progress())
	return &done, err
}
