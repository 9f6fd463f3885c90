package server

import (
	"context"
	"iter"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/web"
)

// webBackend shows a node to the HTTP door. Events that come by it carry no
// actor.
type webBackend struct{ node *Node }

var _ web.Backend = webBackend{}

func (b webBackend) Ready(ctx context.Context) error { return b.node.Ready(ctx) }

func (b webBackend) Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error) {
	return b.node.Store().Append(ctx, writes...)
}

func (b webBackend) Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error] {
	return b.node.service.Read(ctx, q)
}

func (b webBackend) Stream(ctx context.Context, name string, at firn.Point, c firn.Consistency) (firn.StreamInfo, error) {
	return b.node.service.Stream(ctx, name, at, c)
}

func (b webBackend) Resolve(ctx context.Context, p firn.Point, c firn.Consistency) (firn.Position, bool, error) {
	return b.node.service.Resolve(ctx, p, c)
}

func (b webBackend) LeaderHTTP() string {
	r, err := b.node.current()
	if err != nil {
		return ""
	}
	return r.raft.LeaderHTTP()
}
