package client

import (
	"context"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

var _ firn.Groups = (*Client)(nil)

// CreateGroup makes a consumer group; see [firn.Groups]. The id of the event
// that records it is made once, so that a repetition by the client is no second
// group.
func (c *Client) CreateGroup(ctx context.Context, g firn.Group) (firn.Position, error) {
	return c.defineGroup(ctx, wire.KindCreateGroup, g)
}

// UpdateGroup changes the settings of a group; see [firn.Groups]. All of them
// are given, also those that stay.
func (c *Client) UpdateGroup(ctx context.Context, g firn.Group) (firn.Position, error) {
	return c.defineGroup(ctx, wire.KindUpdateGroup, g)
}

func (c *Client) defineGroup(ctx context.Context, k wire.Kind, g firn.Group) (firn.Position, error) {
	for _, span := range []struct {
		name string
		is   time.Duration
	}{{"lease", g.Lease}, {"least wait before a retry", g.RetryMin}, {"longest wait before a retry", g.RetryMax}} {
		if span.is < 0 { // the protocol has no negative ones
			return 0, firn.Errorf(firn.ErrInvalid, "the group's %s is %v; give a time of 0 (the default) or more", span.name, span.is)
		}
	}
	m, err := ask[*wire.Changed](ctx, c, &request{changes: true}, &wire.DefineGroup{Is: k, ID: firn.NewID(), Group: g})
	if err != nil {
		return 0, err
	}
	return m.Position, nil
}

// DeleteGroup ends a group; see [firn.Groups].
func (c *Client) DeleteGroup(ctx context.Context, name string) (firn.Position, error) {
	m, err := ask[*wire.Changed](ctx, c, &request{changes: true}, &wire.DeleteGroup{ID: firn.NewID(), Name: name})
	if err != nil {
		return 0, err
	}
	return m.Position, nil
}

// Groups returns all groups, by name; see [firn.Groups].
func (c *Client) Groups(ctx context.Context) (all []firn.Group, err error) {
	m := wire.Groups{Credit: uint64(c.o.WindowBytes)}
	err = c.list(ctx, &m, func(k wire.Kind, body []byte) error {
		var some wire.GroupList
		if k != wire.KindGroupList {
			return unexpected(m.Kind(), &wire.Plain{Is: k})
		}
		if err := wire.ParseInto(&some, body); err != nil {
			return err
		}
		for _, g := range some.Groups {
			if len(all) == 0 || g.Name > all[len(all)-1].Name { // a repetition begins anew
				all = append(all, g)
			}
		}
		return nil
	})
	return all, err
}

// list makes a call that is answered by several frames, until it has come to
// its end: take is handed each frame, and may see some again where a connection
// was lost.
func (c *Client) list(ctx context.Context, m wire.Message, take func(wire.Kind, []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	body := m.AppendBody(nil)
	t := c.newTries(false, "")
	for {
		err := listOnce(ctx, &t, m.Kind(), body, take)
		if err == nil || err == errEnough {
			return err
		}
		if !t.again(ctx, err) {
			return t.failure(ctx, err, &request{})
		}
	}
}

func listOnce(ctx context.Context, t *tries, k wire.Kind, body []byte, take func(wire.Kind, []byte) error) error {
	f, err := t.begin(ctx, k, body)
	if err != nil {
		return err
	}
	defer f.end()
	for {
		got, err := f.next(ctx, t.deadline)
		if err != nil || got.kind == wire.KindEnd {
			return err
		}
		if err := take(got.kind, got.body); err != nil {
			return err
		}
		t.progress()
	}
}

// GroupInfo tells where a group stands; see [firn.Groups].
func (c *Client) GroupInfo(ctx context.Context, name string) (firn.GroupInfo, error) {
	m, err := ask[*wire.GroupInfo](ctx, c, &request{}, &wire.Group{Name: name})
	if err != nil {
		return firn.GroupInfo{}, err
	}
	return m.Info, nil
}

// errEnough ends a list whose reader has gone away.
var errEnough = firn.Errorf(firn.ErrInternal, "the reader has enough")

// Parked yields the events that a group has set aside, by position; see
// [firn.Groups].
func (c *Client) Parked(ctx context.Context, name string) iter.Seq2[firn.ParkedEvent, error] {
	return func(yield func(firn.ParkedEvent, error) bool) {
		var last firn.Position
		m := wire.Parked{Group: name, Credit: uint64(c.o.WindowBytes)}
		err := c.list(ctx, &m, func(k wire.Kind, body []byte) error {
			var some wire.ParkedList
			if k != wire.KindParkedList {
				return unexpected(m.Kind(), &wire.Plain{Is: k})
			}
			if err := wire.ParseInto(&some, body); err != nil {
				return err
			}
			for _, e := range some.Events {
				if e.Position <= last {
					continue
				}
				if last = e.Position; !yield(e, nil) {
					return errEnough
				}
			}
			return nil
		})
		if err != nil && err != errEnough {
			yield(firn.ParkedEvent{}, err)
		}
	}
}

// Replay delivers parked events again; see [firn.Groups].
func (c *Client) Replay(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error) {
	return c.counted(ctx, &request{changes: true}, &wire.Unpark{Group: name, Which: which})
}

// Drop gives parked events up; see [firn.Groups].
func (c *Client) Drop(ctx context.Context, name string, which firn.ParkedSelection) (uint64, error) {
	return c.counted(ctx, &request{changes: true}, &wire.Unpark{Group: name, Drop: true, Which: which})
}

func (c *Client) counted(ctx context.Context, r *request, m wire.Message) (uint64, error) {
	got, err := ask[*wire.Counted](ctx, c, r, m)
	if err != nil {
		return 0, err
	}
	return got.Count, nil
}

// Rewind makes a group begin again behind a point; see [firn.Groups].
func (c *Client) Rewind(ctx context.Context, name string, to firn.Point, dryRun bool) (firn.Rewound, error) {
	m, err := ask[*wire.Rewound](ctx, c, &request{changes: !dryRun}, &wire.Rewind{Group: name, To: to, DryRun: dryRun})
	if err != nil {
		return firn.Rewound{}, err
	}
	return m.Rewound, nil
}

// WaitGroup waits until a group has passed a position, as long as ctx lets it;
// see [firn.Groups].
func (c *Client) WaitGroup(ctx context.Context, name string, p firn.Position) (parked uint64, err error) {
	return c.counted(ctx, &request{lasting: true}, &wire.WaitGroup{Group: name, Position: p})
}

// WaitFor is [Client.WaitGroup], for who wants to read what they have written:
// after an append, it returns once the group that feeds a read model has
// handled its events, or has set them aside.
//
//	done, err := db.Append(ctx, …)
//	parked, err := db.WaitFor(ctx, "orders-view", done.Position)
func (c *Client) WaitFor(ctx context.Context, group string, p firn.Position) (parked uint64, err error) {
	return c.WaitGroup(ctx, group, p)
}
