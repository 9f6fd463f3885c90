package powertest

import (
	"context"
	"errors"
	"fmt"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// consumer acknowledges the group's deliveries, one at a time.
type consumer struct {
	node    *node
	journal *journal
}

// run consumes until ctx ends, or until the outcome of an answer is unknown.
func (c *consumer) run(ctx context.Context) error {
	settled := map[firn.Position]bool{}
	for _, t := range c.journal.answers() {
		if d, ok := t.deed.(*settling); ok && t.err == nil {
			settled[d.position] = true
		}
	}
	u, err := c.node.store.Consume(ctx, groupName, 4)
	if err != nil {
		return nil // the group is not there, or the node is not any more
	}
	defer u.Close()
	for d, err := range u.Deliveries(ctx) {
		if err != nil {
			return nil
		}
		if settled[d.Event.Position] {
			return &check.Fault{Check: "again", Text: fmt.Sprintf("the event at position %d was acknowledged, and is delivered again", d.Event.Position)}
		}
		deed := &settling{d.Event.Position}
		c.journal.ask(deed)
		// The answer is waited for: what it says counts, also in the end.
		err = u.Settle(context.WithoutCancel(ctx), firn.Settlement{Token: d.Token, Outcome: firn.Ack})
		if errors.Is(err, firn.ErrStale) {
			continue
		}
		if err != nil {
			return nil
		}
		c.journal.tell(deed, answer{})
		settled[d.Event.Position] = true
	}
	return nil
}
