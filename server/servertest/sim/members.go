package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// memberLimit is how long a change of the members may take, in the midst of
// everything else. What takes longer does not count, and is looked at again
// when all is mended.
const memberLimit = 2 * time.Minute

// changeMembers adds a node where there are no more than at first, or else removes
// one, whichever that is, the leader included.
func (c *cluster) changeMembers(random *rand.Rand) {
	seats := c.nodes()
	if len(seats) <= c.o.Nodes {
		c.joined++
		s := c.add(fmt.Sprint("n", c.o.Nodes+c.joined))
		c.trace.add("%s joins", s.id)
		s.again()
		if c.awaitRole(s, "voter") {
			c.struck(Members)
		}
		return
	}
	s := seats[random.IntN(len(seats))]
	c.trace.add("%s is removed", s.id)
	for limit := time.Now().Add(memberLimit); time.Now().Before(limit) && c.over.Err() == nil; c.wait(200 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(c.over, 5*time.Second)
		err := c.operator.RemoveNode(ctx, s.id)
		cancel()
		c.trace.add("%s is removed: %v", s.id, err)
		if c.awaitRole(s, "") {
			c.struck(Members)
			c.drop(s)
			return
		}
	}
}

// awaitRole waits until a majority of the others says that a node has a role,
// "" for none. What a single one says may not be committed yet.
func (c *cluster) awaitRole(s *seat, role string) bool {
	limit := memberLimit
	if role == "" {
		limit = time.Second // asked again by the caller
	}
	for end := time.Now().Add(limit); time.Now().Before(end) && c.over.Err() == nil; c.wait(200 * time.Millisecond) {
		others, agree := 0, 0
		for _, o := range c.nodes() {
			if o == s {
				continue
			}
			others++
			if now, err := c.roleOf(s, o); err == nil && now == role {
				agree++
			}
		}
		if agree > (others+1)/2 {
			return true
		}
	}
	return false
}

// roleOf returns the role that one node says another has.
func (c *cluster) roleOf(s, asked *seat) (role string, err error) {
	ctx, cancel := context.WithTimeout(c.over, 500*time.Millisecond)
	defer cancel()
	status, err := c.operator.Status(ctx, asked.address())
	if err == nil && len(status.Nodes) == 0 {
		err = errNoMembers
	}
	for _, n := range status.Nodes {
		if n.ID == s.id {
			role = n.Role
		}
	}
	return role, err
}

var errNoMembers = errors.New("the node knows no members yet")
