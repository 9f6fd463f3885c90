package service

import (
	"context"
	"iter"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/security"
)

// Guard is the service as doors have it: each of its methods holds a call against
// what its caller may do, then passes it on. The caller is that of the context
// (security.WithCaller); a call without one is refused. A method of the service
// that is not here, no door can reach.
//
// What a linearizable call may do is judged once this node has applied what was
// acknowledged before it: whoever has just been removed is refused at once, on
// every node.
type Guard struct{ s *Service }

// Guard returns the service as doors have it.
func (s *Service) Guard() Guard { return Guard{s} }

// onBehalf is on whose behalf a call is made, and by which table of users that
// was judged.
type onBehalf struct {
	caller security.Caller
	user   *security.User
	table  *security.Table
}

// on returns on whose behalf a call is made.
func (g Guard) on(ctx context.Context) (onBehalf, error) {
	caller, ok := security.CallerOf(ctx)
	if !ok {
		return onBehalf{}, firn.Errorf(firn.ErrInternal, "a call that does not say on whose behalf it is made")
	}
	t, err := g.s.currentTable()
	if err != nil {
		return onBehalf{}, err
	}
	u, err := t.Resolve(caller, g.s.options.Now())
	return onBehalf{caller, u, t}, g.refused(err)
}

// authenticateTime bounds how long a node asks the others about a caller whom it
// does not know.
const authenticateTime = 2 * time.Second

// Authenticate says why the caller is let in nowhere, or nil. Before somebody is
// refused who presents something, the node makes sure that it knows everybody who
// was added before; where it cannot, that is ErrUnavailable.
func (g Guard) Authenticate(ctx context.Context) error {
	caller, _ := security.CallerOf(ctx)
	if caller.Node() != "" {
		return nil // what it may do is asked when it does something
	}
	if t, err := g.s.currentTable(); err == nil && caller.Presents() {
		if _, err := t.Resolve(caller, g.s.options.Now()); err != nil {
			limited, cancel := context.WithTimeout(ctx, authenticateTime)
			defer cancel()
			if _, err := g.s.consistent(limited, firn.Consistency{}); err != nil {
				return firn.Errorf(firn.ErrUnavailable, "this node does not know who calls, and cannot find out just now whether others do (%v); try again", err)
			}
		}
	}
	_, err := g.on(ctx)
	return err
}

// may returns on whose behalf something is done that takes a role, on a stream
// where it concerns one.
func (g Guard) may(ctx context.Context, role firn.Role, doing, stream string) (onBehalf, error) {
	on, err := g.on(ctx)
	if err == nil {
		err = g.refused(on.user.May(role, doing, stream))
	}
	return on, err
}

// mayAll is may for all streams.
func (g Guard) mayAll(ctx context.Context, role firn.Role, doing string) (onBehalf, error) {
	on, err := g.on(ctx)
	if err == nil {
		err = g.refused(on.user.MayAll(role, doing, ""))
	}
	return on, err
}

// current waits for what a consistency asks for. What comes after it need not
// wait again.
func (g Guard) current(ctx context.Context, c *firn.Consistency) error {
	_, err := g.s.consistent(ctx, *c)
	*c = firn.Consistency{Local: true}
	return err
}

// Administer returns who does something that takes an admin.
func (g Guard) Administer(ctx context.Context, doing string) (actor string, err error) {
	on, err := g.may(ctx, firn.RoleAdmin, doing, "")
	if err != nil {
		return "", err
	}
	return on.user.Name, nil
}

// AddNode returns who adds a node to the cluster: an admin, or the node itself.
func (g Guard) AddNode(ctx context.Context, node string) (actor string, err error) {
	caller, _ := security.CallerOf(ctx)
	switch self := caller.Node(); self {
	case "":
		return g.Administer(ctx, "add a node")
	case node:
		return "node " + node, nil
	default:
		return "", g.refused(firn.Errorf(firn.ErrForbidden, "node %s may add itself to the cluster, and not node %.80q", self, node))
	}
}

// SeeFigures says why the caller may not see the figures of the whole store, or
// nil.
func (g Guard) SeeFigures(ctx context.Context) error {
	_, err := g.mayAll(ctx, firn.RoleRead, "see the figures of the whole store")
	return err
}

// while passes on what is yielded, for as long as it may be.
func while[T any](g Guard, on onBehalf, all iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for one, err := range all {
			if t := g.s.access.table.Load(); err == nil && t != on.table {
				err = g.refused(still(t, on.caller, on.user, g.s.options.Now()))
				on.table = t
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			if !yield(one, nil) {
				return
			}
		}
	}
}

// failed is a sequence that is only an error.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}
