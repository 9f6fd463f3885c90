package server

import (
	"context"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/internal/service"
	"github.com/firndb/firn/server/internal/web"
)

// webBackend shows a node to the HTTP door. What is not here, the guard answers
// itself.
type webBackend struct {
	service.Guard
	node *Node
}

var _ web.Backend = webBackend{}

func (b webBackend) Ready(ctx context.Context) error { return b.node.Ready(ctx) }

func (b webBackend) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	return b.Guard.AppendDrafts(ctx, writes...)
}

// Subscribe opens a subscription on this node.
func (b webBackend) Subscribe(ctx context.Context, q firn.Query) (web.Subscription, error) {
	s, err := b.Guard.Follow(ctx, q)
	return &decoding{Following: s}, err
}

// decoding shows a subscription to the HTTP door.
type decoding struct {
	*service.Following
	decoder record.Decoder
	events  []firn.Event // of the last step
}

func (d *decoding) Next(ctx context.Context) (web.Step, error) {
	step, err := d.Following.Next(ctx)
	d.events = d.events[:0]
	for i := range step.Events {
		e, err := d.decoder.Event(step.Events[i].Stream, step.Events[i].Bytes)
		if err != nil {
			return web.Step{}, err
		}
		e.Fault = step.Events[i].Fault
		d.events = append(d.events, e)
	}
	return web.Step{Events: d.events, Mark: step.Mark, More: step.More}, err
}

func (b webBackend) LeaderHTTP() string {
	r, err := b.node.current()
	if err != nil {
		return ""
	}
	return r.raft.LeaderHTTP()
}
