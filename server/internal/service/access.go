package service

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/server/internal/security"
)

// access is who may do what, and what goes on on whose behalf.
type access struct {
	table atomic.Pointer[security.Table] // of the definitions that were in force last

	mu      sync.Mutex
	watches map[*watch]struct{}
}

// table returns the users of the engine's definitions.
func (s *Service) table(e *engine.Engine) *security.Table {
	_, at := e.Definitions(command.ClassUser)
	held := s.access.table.Load()
	if held != nil && held.At == at {
		return held
	}
	found, at := e.Definitions(command.ClassUser)
	users := make(map[string]*security.User, len(found))
	for i := range found {
		u, err := security.ParseUser(found[i].Name, found[i].Body)
		if err != nil {
			s.options.Logger.Error("a user may do nothing on this node", "user", found[i].Name, "error", err)
		}
		users[found[i].Name] = u
	}
	made := security.NewTable(at, users, s.options.Access)
	s.access.table.Store(made)
	return made
}

// Asked returns who is asked for what, as far as this node knows.
func (s *Service) Asked() (security.Access, error) {
	t, err := s.currentTable()
	if err != nil {
		return "", err
	}
	return t.Access, nil
}

// currentTable returns the users as this node knows them. While it has no
// replica these are the ones that it knew last.
func (s *Service) currentTable() (*security.Table, error) {
	r, err := s.current()
	if err == nil {
		return s.table(r.Engine), nil
	}
	if held := s.access.table.Load(); held != nil {
		return held, nil
	}
	return nil, err
}

// followUsers cuts off what goes on on behalf of callers who may not do it any
// more, as definitions change and tokens end. It also has the engine flush what
// has changed: a node that is started again, and has yet to hear of the log's end,
// then goes by no older users.
func (l *lead) followUsers() {
	var before *security.Table
	flushed := newestUser(l.replica.Engine)
	for l.ctx.Err() == nil {
		t := l.service.table(l.replica.Engine)
		now := l.service.options.Now()
		l.service.recheck(t, now)
		if newest := newestUser(l.replica.Engine); newest != flushed {
			if _, _, err := l.replica.Engine.Flush(); err == nil { // else the engine has failed, and says so
				flushed = newest
			}
		}
		if before != nil && before.Access != t.Access {
			l.service.options.Logger.Info("access: "+t.Access.Words(), "position", t.At)
		}
		before = t
		ctx, cancel := l.ctx, context.CancelFunc(func() {})
		if end := t.NextEnd(now); !end.IsZero() {
			ctx, cancel = context.WithTimeout(l.ctx, end.Sub(now))
		}
		err := l.replica.Engine.WaitDefined(ctx, t.At)
		ended := ctx.Err() != nil
		cancel()
		if err != nil && !ended {
			return // the engine is closed
		}
	}
}

// usersAt tells one state of the users from another: how many there are, and which
// change is the newest of those in force.
type usersAt struct {
	count  int
	newest firn.Position
}

func newestUser(e *engine.Engine) (at usersAt) {
	users, _ := e.Definitions(command.ClassUser)
	at.count = len(users)
	for i := range users {
		at.newest = max(at.newest, users[i].Position)
	}
	return at
}

// watch is something that goes on on behalf of a caller, until it is cut off.
type watch struct {
	// Set by watch, then read only.
	caller security.Caller
	user   *security.User
	onCut  func()
	gone   chan struct{} // closed once it is cut off

	once sync.Once
	err  error // why; read only behind gone
}

// watch begins to watch what goes on on behalf of whom; end ends it. onCut, which
// may be nil, is called when it is cut off.
func (s *Service) watch(on *onBehalf, onCut func()) *watch {
	w := &watch{caller: on.caller, user: on.user, onCut: onCut, gone: make(chan struct{})}
	s.access.mu.Lock()
	if s.access.watches == nil {
		s.access.watches = make(map[*watch]struct{})
	}
	s.access.watches[w] = struct{}{}
	s.access.mu.Unlock()
	if t := s.access.table.Load(); t != on.table { // it has changed since it was asked
		w.check(t, s.options.Now())
	}
	return w
}

func (s *Service) unwatch(w *watch) {
	s.access.mu.Lock()
	defer s.access.mu.Unlock()
	delete(s.access.watches, w)
}

// recheck holds all that goes on against a table.
func (s *Service) recheck(t *security.Table, now time.Time) {
	s.access.mu.Lock()
	all := make([]*watch, 0, len(s.access.watches))
	for w := range s.access.watches {
		all = append(all, w)
	}
	s.access.mu.Unlock()
	for _, w := range all {
		w.check(t, now)
	}
}

// check cuts off what the caller may not go on with.
func (w *watch) check(t *security.Table, now time.Time) {
	if err := still(t, w.caller, w.user, now); err != nil {
		w.once.Do(func() {
			w.err = err
			close(w.gone)
			if w.onCut != nil {
				w.onCut()
			}
		})
	}
}

// ended says why it was cut off, or nil.
func (w *watch) ended() error {
	select {
	case <-w.gone:
		return w.err
	default:
		return nil
	}
}

// still says why a caller may not go on with what it has begun as a user, or nil.
func still(t *security.Table, c security.Caller, begun *security.User, now time.Time) error {
	u, err := t.Resolve(c, now)
	if err != nil {
		return err
	}
	if u.Name != begun.Name || !security.SameRights(u, begun) {
		return firn.Errorf(firn.ErrForbidden, "what the user %s may do has changed; begin anew, with what it may do now", u.Name)
	}
	return nil
}
