package bench

import (
	"context"

	"github.com/firndb/firn"
)

// follower is a client that subscribes from the beginning, until it has caught
// up.
type follower struct {
	store firn.Store
	query firn.Query
}

// follow is one call: everything that is followed, in pieces.
func (f follower) follow(ctx context.Context, lap func(events int) bool) error {
	p := pieces{lap: lap}
	for m, err := range f.store.Subscribe(ctx, f.query) {
		if err != nil {
			return err
		}
		if m.Mark != nil {
			if m.Mark.Kind == firn.CaughtUp {
				break
			}
			continue
		}
		if goOn, err := p.take(&m.Event); err != nil || !goOn {
			return err
		}
	}
	return p.end()
}
