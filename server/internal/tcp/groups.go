package tcp

import (
	"context"
	"iter"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// Groups is what firn.Groups offers, with records as they lie in the store. It
// is answered by the leader; other nodes refuse it with ErrNotLeader.
type Groups interface {
	// A repetition of a definition with the same id answers with the first
	// result.
	CreateGroup(ctx context.Context, id firn.ID, g firn.Group) (firn.Position, error)
	UpdateGroup(ctx context.Context, id firn.ID, g firn.Group) (firn.Position, error)
	DeleteGroup(ctx context.Context, id firn.ID, name string) (firn.Position, error)

	Groups(ctx context.Context) ([]firn.Group, error)
	GroupInfo(ctx context.Context, name string) (firn.GroupInfo, error)
	Consume(ctx context.Context, name string, inFlight uint32) (Consumer, error)
	Parked(ctx context.Context, name string) iter.Seq2[firn.ParkedEvent, error]
	Replay(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error)
	Drop(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error)
	Rewind(ctx context.Context, name string, to firn.Point, dryRun bool) (firn.Rewound, error)
	WaitGroup(ctx context.Context, name string, p firn.Position) (uint64, error)
}

// Consumer is a firn.Consumer, with records as they lie in the store.
type Consumer interface {
	// Next returns the deliveries that are due, at least one and at most most of
	// them; it waits until there is one. It is for one goroutine. The door does
	// not keep the slice or its bytes.
	Next(ctx context.Context, most int) ([]wire.Delivery, error)

	// Settle answers deliveries. void is how many of the tokens were: their
	// answers changed nothing.
	Settle(ctx context.Context, answers []firn.Settlement) (void int, err error)

	Close() error
}

// defineGroup answers CreateGroup and UpdateGroup. Like an append, whatever
// changes something goes on once the node has it.
func (j job) defineGroup() (wire.Message, error) {
	m := wire.DefineGroup{Is: j.header.Kind}
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	define := j.conn.server.backend.CreateGroup
	if m.Is == wire.KindUpdateGroup {
		define = j.conn.server.backend.UpdateGroup
	}
	p, err := define(j.conn.ctx, m.ID, m.Group)
	return &wire.Changed{Position: p}, err
}

func (j job) deleteGroup() (wire.Message, error) {
	var m wire.DeleteGroup
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	p, err := j.conn.server.backend.DeleteGroup(j.conn.ctx, m.ID, m.Name)
	return &wire.Changed{Position: p}, err
}

func (j job) groups() (wire.Message, error) {
	var m wire.Groups
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	all, err := j.conn.server.backend.Groups(j.call.ctx)
	if err != nil {
		return nil, err
	}
	return list[firn.Group]{
		items:   func(yield func(firn.Group, error) bool) { yieldAll(all, yield) },
		size:    groupBytes,
		message: func(some []firn.Group) wire.Message { return &wire.GroupList{Groups: some} },
	}.answer(j, m.Credit)
}

func yieldAll[T any](all []T, yield func(T, error) bool) {
	for _, one := range all {
		if !yield(one, nil) {
			return
		}
	}
}

func groupBytes(g *firn.Group) int {
	bytes := len(g.Name) + len(g.Stream) + len(g.Category)
	for _, names := range [][]string{g.Types, g.TypePrefixes, g.StreamPrefixes} {
		for _, name := range names {
			bytes += len(name) + 5
		}
	}
	return bytes
}

func (j job) groupInfo() (wire.Message, error) {
	var m wire.Group
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	info, err := j.conn.server.backend.GroupInfo(j.call.ctx, m.Name)
	return &wire.GroupInfo{Info: info}, err
}

func (j job) parked() (wire.Message, error) {
	var m wire.Parked
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	return list[firn.ParkedEvent]{
		items:   j.conn.server.backend.Parked(j.call.ctx, m.Group),
		size:    func(e *firn.ParkedEvent) int { return len(e.Stream) + len(e.Type) + len(e.Reason) },
		message: func(some []firn.ParkedEvent) wire.Message { return &wire.ParkedList{Events: some} },
	}.answer(j, m.Credit)
}

func (j job) unpark() (wire.Message, error) {
	var m wire.Unpark
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	unpark := j.conn.server.backend.Replay
	if m.Drop {
		unpark = j.conn.server.backend.Drop
	}
	count, err := unpark(j.conn.ctx, m.Group, m.Which)
	return &wire.Counted{Count: count}, err
}

func (j job) rewind() (wire.Message, error) {
	var m wire.Rewind
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	rewound, err := j.conn.server.backend.Rewind(j.conn.ctx, m.Group, m.To, m.DryRun)
	return &wire.Rewound{Rewound: rewound}, err
}

func (j job) waitGroup() (wire.Message, error) {
	var m wire.WaitGroup
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	ended := j.untilStopping()
	parked, err := j.conn.server.backend.WaitGroup(j.call.ctx, m.Group, m.Position)
	return &wire.Counted{Count: parked}, ended(err)
}
