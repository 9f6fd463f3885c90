package web

import (
	"context"
	"iter"

	"github.com/firndb/firn"
)

// Backend is what stands behind the door. The context says who calls
// (security.CallerOf), Ready and LeaderHTTP apart; what a caller may do is the
// backend's to judge.
type Backend interface {
	// Authenticate says why the caller is not let in, or nil. It is asked before
	// anything else.
	Authenticate(ctx context.Context) error

	// Administer says why the caller may not do what takes an admin, or who it is.
	Administer(ctx context.Context, doing string) (actor string, err error)

	// SeeFigures says why the caller may not see the node's metrics, or nil.
	SeeFigures(ctx context.Context) error

	// Ready says why linearizable calls cannot be answered here, or nil.
	Ready(ctx context.Context) error

	// Append is [firn.Store.Append]. Only the leader takes appends; other nodes
	// refuse them with ErrNotLeader.
	Append(ctx context.Context, writes ...firn.Write) (firn.Appended, error)
	Read(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error]

	// Subscribe opens a subscription, as [firn.Store.Subscribe] does.
	Subscribe(ctx context.Context, q firn.Query) (Subscription, error)

	Stream(ctx context.Context, name string, at firn.Point, c firn.Consistency) (firn.StreamInfo, error)

	// Resolve turns a position or a moment into a position. open says that later
	// events could still fall into the moment.
	Resolve(ctx context.Context, p firn.Point, c firn.Consistency) (at firn.Position, open bool, err error)

	// LeaderHTTP returns the HTTP address of the leader where that is another
	// node, "" where this one leads, or none is known.
	LeaderHTTP() string
}
