package service

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/server/internal/security"
)

// changeUser completes the change of a user: its body is what the user becomes,
// and it is held against the version that this was made of. It returns the user
// as it may be shown.
func (s *Service) changeUser(e *engine.Engine, item *command.Define, text []byte) (shown []byte, err error) {
	change, err := firn.ParseUserChange(text)
	if err != nil {
		return nil, err
	}
	name := string(item.Name)
	if err := engine.CheckDefinition(command.ClassUser, name, nil); err != nil {
		return nil, err
	}
	d, found := e.Definition(command.ClassUser, name)
	if !found && item.Expect != firn.Any && item.Expect != firn.None {
		return nil, firn.Errorf(firn.ErrNotFound, "there is no user %s", name)
	}
	var before *security.User
	if found {
		before, _ = security.ParseUser(name, d.Body) // one that cannot be read is made anew
	}
	after, err := security.Changed(before, name, &change, s.options.Now())
	if err != nil {
		return nil, err
	}
	if after == nil {
		after, item.Body = before, d.Body // a repetition is to be told by its bytes
	} else {
		item.Body = after.Encode()
	}
	if item.Expect == firn.Any || item.Expect == firn.Exists {
		if found {
			item.Expect = firn.At(firn.Revision(d.Version))
		} else if item.Expect == firn.Any {
			item.Expect = firn.None
		}
	}
	return firn.UserSource(after.Shown()), nil
}
