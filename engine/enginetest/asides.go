package enginetest

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// AsidesAfter counts what a group will have set aside after a step, so that
// verifying the store finds nothing wrong with a step that a test has changed.
func (s *Store) AsidesAfter(step *command.Settle) (counts command.Counts) {
	s.t.Helper()
	type key struct {
		state    command.AsideState
		position firn.Position
		stream   string
	}
	of := func(a *command.Aside) key { return key{a.State, a.Position, string(a.Stream)} }
	all := map[key]command.Aside{}
	for _, state := range []command.AsideState{command.AsideDue, command.AsideParked} {
		page, err := s.Engine().Asides(string(step.Group), state, nil, 10_000)
		if err != nil {
			s.t.Error(err)
		}
		for _, a := range page.Asides {
			all[of(&a)] = a
		}
	}
	for i := range step.Removed {
		delete(all, of(&step.Removed[i]))
	}
	for i := range step.Added {
		all[of(&step.Added[i])] = step.Added[i]
	}
	for _, a := range all {
		switch {
		case a.State == command.AsideParked && a.Holds:
			counts.Waiting++
			fallthrough
		case a.State == command.AsideParked:
			counts.Parked++
		case a.Attempts > 0:
			counts.Retrying++
			fallthrough
		default:
			counts.Due++
		}
	}
	return counts
}
