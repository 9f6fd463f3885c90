package powertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// orders is the category that everybody appends to, and the group consumes.
const orders = "order"

// client asks a node for one thing after the other.
type client struct {
	*rand.Rand
	number  int
	node    *node
	journal *journal

	own map[string]firn.Revision // next revisions of the streams that nobody else writes
	old []told                   // its acknowledged appends, to be repeated
	now map[string]uint64        // versions of the definitions that nobody else makes
}

func newClient(seed uint64, number int, n *node, j *journal) *client {
	c := &client{
		Rand: rand.New(rand.NewPCG(seed, uint64(number))), number: number, node: n, journal: j,
		own: map[string]firn.Revision{}, now: map[string]uint64{},
	}
	for _, t := range j.answers() {
		c.learn(t)
	}
	return c
}

// learn takes an answer into account.
func (c *client) learn(t told) {
	if t.err != nil {
		return
	}
	switch d := t.deed.(type) {
	case *appending:
		for _, w := range t.appended.Writes {
			c.own[w.Stream] = max(c.own[w.Stream], w.LastRevision+1)
		}
		if len(t.appended.Writes) > 0 {
			c.old = append(c.old, t)
		}
	case *defining:
		c.now[d.name] = max(c.now[d.name], d.version)
	}
}

// errStop says that the client's node is no longer of use to it.
var errStop = errors.New("the outcome is unknown")

// step does one thing. errStop ends the client; any other error is a broken
// promise.
func (c *client) step(ctx context.Context) error {
	switch n := c.IntN(100); {
	case n < 50:
		return c.do(ctx, c.order())
	case n < 60:
		return c.repeat(ctx)
	case n < 68:
		return c.do(ctx, c.life())
	case n < 73:
		name := fmt.Sprint("fold-", c.number)
		return c.do(ctx, &defining{name, c.now[name] + 1})
	case n < 88:
		return c.keep(ctx)
	case n < 98:
		return c.begin(ctx)
	}
	return rest(ctx)
}

// big appends so much that the log grows too long.
func (c *client) big(ctx context.Context) error {
	d := c.drafts(1)
	d[0].Data = fmt.Appendf(nil, `{"pad":%q}`, bytes.Repeat([]byte{'x'}, 9000))
	return c.do(ctx, &appending{[]firn.Write{firn.To(orders+"-0", firn.Any, d...)}})
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// do asks for a deed and notes the answer.
func (c *client) do(ctx context.Context, d deed) error {
	c.journal.ask(d)
	a := d.ask(ctx, c.node)
	if !answered(a.err) {
		return fmt.Errorf("%w: %v", errStop, a.err)
	}
	c.journal.tell(d, a)
	c.learn(told{d, a})
	return nil
}

// answered reports whether an answer settles what became of a deed. That a
// leader is not there yet, or no more, does not, but then nothing was done.
func answered(err error) bool { return check.OutcomeOf(err) != check.Unknown }

// order appends to one stream or several, expecting one thing or another.
func (c *client) order() deed {
	writes := make([]firn.Write, 1)
	if c.IntN(4) == 0 {
		writes = make([]firn.Write, 2+c.IntN(2))
	}
	first := c.IntN(6)
	for i := range writes {
		stream := fmt.Sprintf("%s-%d", orders, (first+i)%6)
		expect := []firn.Expectation{firn.Any, firn.Any, firn.Exists, firn.None, firn.At(c.own[stream] - min(1, c.own[stream]))}[c.IntN(5)]
		writes[i] = firn.To(stream, expect, c.drafts(1+c.IntN(3))...)
	}
	return &appending{writes}
}

func (c *client) drafts(n int) (drafts []firn.Draft) {
	for range n {
		d := firn.Draft{ID: c.id(), Type: fmt.Sprint("T", c.IntN(3))}
		size := c.IntN(120)
		if c.IntN(20) == 0 {
			size = c.IntN(9000) // over several blocks of the disk
		}
		d.Data = fmt.Appendf(nil, `{"n":%d,"pad":%q}`, c.IntN(1000), bytes.Repeat([]byte{byte('a' + c.IntN(26))}, size))
		drafts = append(drafts, d)
	}
	return drafts
}

func (c *client) id() (id firn.ID) {
	for i := range id {
		id[i] = byte(c.Uint32())
	}
	return id
}

// repeat appends again what was acknowledged before.
func (c *client) repeat(ctx context.Context) error {
	if len(c.old) == 0 {
		return c.do(ctx, c.order())
	}
	t := c.old[c.IntN(len(c.old))]
	a := t.deed.ask(ctx, c.node)
	for !check.Settles(a.err) && ctx.Err() == nil && c.node.Err() == nil {
		wait(ctx, time.Millisecond) // nothing was done: the machine is busy, or a disk fails
		a = t.deed.ask(ctx, c.node)
	}
	if !check.Settles(a.err) {
		return fmt.Errorf("%w: %v", errStop, a.err)
	}
	return sameAnswer(t, a)
}

// sameAnswer holds the answer to a repetition against that to the first attempt.
func sameAnswer(t told, a answer) error {
	if a.err != nil {
		return &check.Fault{Check: check.Acknowledged, Text: fmt.Sprintf("an append acknowledged at position %d was repeated and is refused: %v", t.appended.Position, a.err)}
	}
	if !a.appended.Repeated || a.appended.Position != t.appended.Position || !a.appended.Time.Equal(t.appended.Time) || fmt.Sprint(a.appended.Writes) != fmt.Sprint(t.appended.Writes) {
		return &check.Fault{Check: check.Once, Text: fmt.Sprintf("an append acknowledged as %+v was repeated and is answered %+v", t.appended, a.appended)}
	}
	return nil
}

// life changes a stream's life in a way that hides none of its events.
func (c *client) life() deed {
	stream := fmt.Sprintf("%s-%d", orders, c.IntN(6))
	switch c.IntN(4) {
	case 0:
		return &changing{stream, firn.Limits{MaxCount: 1 << 20}}
	case 1:
		return &changing{stream, firn.Truncate{}}
	case 2:
		return &changing{fmt.Sprintf("never-%d", c.IntN(1000)), firn.Tombstone{}}
	}
	return &changing{stream, firn.Metadata{Data: fmt.Appendf(nil, `{"by":%d}`, c.number)}}
}

// keep appends to a stream of the client's own and saves a snapshot of it.
func (c *client) keep(ctx context.Context) error {
	stream := fmt.Sprint("kept-", c.number)
	if next := c.own[stream]; next > 0 && c.IntN(2) == 0 {
		return c.do(ctx, &saving{stream, next - 1})
	}
	return c.do(ctx, &appending{[]firn.Write{firn.To(stream, firn.Any, c.drafts(1)...)}})
}

// begin appends to a stream of the client's own, and deletes it.
func (c *client) begin(ctx context.Context) error {
	stream := fmt.Sprint(gone, c.number)
	if err := c.do(ctx, &appending{[]firn.Write{firn.To(stream, firn.Any, c.drafts(1)...)}}); err != nil {
		return err
	}
	return c.do(ctx, &changing{stream, firn.Delete{}})
}

// gone begins the names of the streams whose events are hidden.
const gone = "gone-"
