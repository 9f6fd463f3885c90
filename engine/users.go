package engine

import (
	"encoding/json"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// adminRole is the role of a user who may define users.
const adminRole = "admin"

// userRole returns the role that a user's definition gives. What the roles mean,
// and the rest of the definition, is not apply's concern.
func userRole(body []byte) (string, error) {
	var fields struct {
		Role string `json:"role"`
	}
	if err := json.Unmarshal(body, &fields); err != nil || fields.Role == "" {
		return "", firn.Errorf(firn.ErrInvalid, `the definition of a user must be a JSON object, "role" in it a text`)
	}
	return fields.Role, nil
}

// judgeUser says what stands in the way of a change of a user, or nil. As soon as
// there are users only they are let in, so there is an admin from the first on,
// and always will be.
func (a *applier) judgeUser(v *Definition) error {
	if len(v.Body) > 0 {
		role, err := userRole(v.Body)
		if err != nil || role == adminRole {
			return err
		}
	}
	users := a.definitions.of(command.ClassUser)
	for i := range users {
		if users[i].Name == v.Name {
			continue
		}
		if role, err := userRole(users[i].Body); err == nil && role == adminRole {
			return nil
		}
	}
	if len(users) == 0 {
		return firn.Errorf(firn.ErrInvalid, "the first user must be an admin: from then on nobody is let in who is not a user, and somebody has to add the others")
	}
	return firn.Errorf(firn.ErrInvalid, "the user %s is the only admin, and without one nobody could change users any more; make another user an admin first", v.Name)
}
