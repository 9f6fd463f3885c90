package client

import (
	"context"
	"fmt"
	"time"

	"github.com/firndb/firn/server/wire"
)

// A leader that is paused, or cut off, says nothing, and its connection stays
// open. To give it up as soon as it is silent would hurt those that are only
// slow; to wait for [Options.KeepAlive] twice is long for a client, when the
// others have elected another leader within a second. So the others are asked.

// suspectPart is for which part of Options.KeepAlive a node that owes the
// leader's answer may be silent before it is asked for a sign of life. After
// twice that, the others are asked who leads.
const suspectPart = 8

// suspect looks at a connection that has been silent for so long. c.mu is held.
func (c *conn) suspect(silent time.Duration) (nudge, look bool) {
	after := c.client.o.KeepAlive / suspectPart
	if silent < after || !c.owes() {
		c.nudged = false
		return false, false
	}
	if !c.nudged {
		c.nudged = true
		return true, false
	}
	look = silent >= 2*after && !c.looking
	c.looking = c.looking || look
	return false, look
}

// owes reports whether somebody waits for what only the leader can answer. c.mu
// is held.
func (c *conn) owes() bool {
	for _, r := range c.calls {
		if r.leaders() {
			return true
		}
	}
	return false
}

// look asks the other nodes who leads, and gives the connection up where it is
// another one by now. It is asked again soon, as long as the silence lasts.
func (c *conn) look() {
	ctx, cancel := context.WithTimeout(c.client.ctx, c.client.o.KeepAlive/2)
	defer cancel()
	others := c.client.others(c.address)
	answers := make(chan wire.ClusterStatus, len(others))
	for _, address := range others {
		go func() {
			status, err := c.client.Status(ctx, address)
			if err != nil {
				status = wire.ClusterStatus{}
			}
			answers <- status
		}()
	}
	for range others {
		s := <-answers
		if s.Leader == "" || s.Leader == c.welcome.Node {
			continue
		}
		for _, n := range s.Nodes {
			if n.ID == s.Leader && n.Address != "" && n.Address != c.address {
				c.client.leaderIs(n.Address)
				c.fail(&lostError{c.address, fmt.Errorf("it is silent, and node %s leads", s.Leader)})
				return
			}
		}
	}
	c.mu.Lock()
	c.looking = false
	c.mu.Unlock()
}
