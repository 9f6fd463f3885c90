package powertest

import (
	"context"
	"fmt"

	"github.com/firndb/firn"
)

// deed is one thing that a client asks for. Each kind is a pointer, so that one
// deed is one value, however often it is asked for.
type deed interface {
	ask(ctx context.Context, n *node) answer

	// repeats reports whether asking again after an unknown outcome settles it
	// and does nothing twice.
	repeats() bool
}

// appending appends to one stream or several.
type appending struct{ writes []firn.Write }

func (d *appending) ask(ctx context.Context, n *node) answer {
	done, err := n.store.Append(ctx, d.writes...)
	return answer{done, err}
}

func (d *appending) repeats() bool { return true }

// changing changes a stream's life.
type changing struct {
	stream string
	life   firn.Life
}

func (d *changing) ask(ctx context.Context, n *node) answer {
	at, err := n.store.Change(ctx, d.stream, firn.Any, d.life)
	return answer{firn.Appended{Position: at}, err}
}

func (d *changing) repeats() bool { return false }

// defining gives a fold its next version.
type defining struct {
	name    string
	version uint64 // that it gets
}

func (d *defining) source() []byte {
	return fmt.Appendf(nil, "fold: %s\ncategory: defined\ninitial: {version: %d}\non: {\"*\": merge}\n", d.name, d.version)
}

func (d *defining) ask(ctx context.Context, n *node) answer {
	expect := firn.None
	if d.version > 1 {
		expect = firn.At(firn.Revision(d.version - 1))
	}
	done, err := n.store.Define(ctx, firn.FoldDefinition, d.name, d.source(), expect)
	return answer{firn.Appended{Position: done.Position}, err}
}

func (d *defining) repeats() bool { return false }

// saving saves a snapshot of the state that a stream had at a revision.
type saving struct {
	stream   string
	revision firn.Revision
}

// savedFold and savedVersions are whose states the snapshots are. Those at even
// revisions are of another version of the fold than those at odd ones.
const savedFold = "kept"

var savedVersions = [2]firn.FoldVersion{{1, 2, 3}, {1, 2, 4}}

func (d *saving) version() firn.FoldVersion { return savedVersions[d.revision%2] }

func (d *saving) state() []byte { return fmt.Appendf(nil, "%s at %d", d.stream, d.revision) }

func (d *saving) ask(ctx context.Context, n *node) answer {
	return answer{err: n.store.SaveSnapshot(ctx, firn.Snapshot{
		Stream: d.stream, Fold: savedFold, Version: d.version(), Revision: d.revision, State: d.state(),
	})}
}

func (d *saving) repeats() bool { return true }

// grouping makes the group that consumes the orders.
type grouping struct{}

const groupName = "orders"

func (d *grouping) ask(ctx context.Context, n *node) answer {
	at, err := n.store.CreateGroup(ctx, firn.Group{Name: groupName, Category: orders})
	return answer{firn.Appended{Position: at}, err}
}

func (d *grouping) repeats() bool { return false }

// settling answers a delivery. It is asked of the consumer that got it, so it
// cannot be asked of a node that was started anew.
type settling struct{ position firn.Position }

func (d *settling) ask(context.Context, *node) answer { panic("asked of no consumer") }

func (d *settling) repeats() bool { return false }
