package security

import (
	"encoding/binary"
	"time"

	"github.com/firndb/firn"
)

// Table is all users as of one position of the log. It is not changed.
type Table struct {
	At     firn.Position // of the newest change of a definition
	Access Access

	users    map[string]*User // nil: its definition cannot be read
	byToken  map[uint64][]holder
	operator *Hash
}

// Access says who is asked for what.
type Access string

// The forms of access. A node tells them to clients.
const (
	Open         Access = "open"         // there are no users: everybody may do everything
	Certificates Access = "certificates" // there are no users: who has a certificate may do everything
	Users        Access = "users"
)

// Words says it in a sentence.
func (a Access) Words() string {
	switch a {
	case Open:
		return "open; there are no users, and everybody who reaches the ports may do everything, until the first user is added (firn user add NAME --role admin)"
	case Certificates:
		return "there are no users, and everybody who has a user's certificate may do everything, until the first user is added (firn user add NAME --role admin)"
	}
	return "nobody is let in who is not a user"
}

// holder is a user with one of its tokens.
type holder struct {
	user  *User
	token *Token
}

// Rules are what a node was started with.
type Rules struct {
	Require      bool  // nobody may do anything before there is a user, the operator apart
	Certificates bool  // before there is a user, who calls needs a certificate
	Operator     *Hash // of the token with which the operator of this node may do everything; nil: none
}

// OperatorName is how the operator of a node is called where events are
// recorded. No user has such a name.
const OperatorName = "$operator"

// NewTable returns the table of all users. A user of which the definition cannot
// be read is nil, and may do nothing.
func NewTable(at firn.Position, users map[string]*User, r Rules) *Table {
	t := &Table{At: at, Access: Users, users: users, byToken: map[uint64][]holder{}, operator: r.Operator}
	switch {
	case len(users) > 0 || r.Require:
	case r.Certificates:
		t.Access = Certificates
	default:
		t.Access = Open
	}
	for _, u := range users {
		if u == nil {
			continue
		}
		for i := range u.Tokens {
			k := key(&u.Tokens[i].Hash)
			t.byToken[k] = append(t.byToken[k], holder{u, &u.Tokens[i]})
		}
	}
	return t
}

func key(h *Hash) uint64 { return binary.BigEndian.Uint64(h[:]) }

// anyone is everybody, where there are no users.
var anyone = &User{Role: firn.RoleAdmin}

// Resolve returns the user who calls, as of a moment. The error is
// ErrUnauthenticated, or ErrForbidden for a node.
func (t *Table) Resolve(c Caller, now time.Time) (*User, error) {
	switch {
	case c.node != "":
		return nil, ErrNode(c.node)
	case c.hasToken && t.operator != nil && t.operator.Equal(&c.token):
		return &User{Name: OperatorName, Role: firn.RoleAdmin}, nil
	case t.Access == Open:
		return anyone, nil
	case t.Access == Certificates && c.certificate != "":
		return &User{Name: c.certificate, Role: firn.RoleAdmin}, nil
	case t.Access == Certificates:
		return nil, firn.Errorf(firn.ErrUnauthenticated, "this node asks for a client's certificate; give one that its authority has signed (firn cert user NAME makes it, --tls-cert and --tls-key name the files)")
	case c.hasToken:
		for _, h := range t.byToken[key(&c.token)] {
			if h.token.Hash.Equal(&c.token) && h.token.good(now) {
				return h.user, nil
			}
		}
		return nil, firn.Errorf(firn.ErrUnauthenticated, "the token is not known here, or is not good any more; an admin makes a new one (firn user rotate NAME)")
	case c.certificate != "":
		if u := t.users[c.certificate]; u != nil {
			return u, nil
		}
		return nil, firn.Errorf(firn.ErrUnauthenticated, "the certificate names the user %.64q, who is not known here; an admin adds users (firn user add)", c.certificate)
	case len(t.users) == 0:
		return nil, firn.Errorf(firn.ErrUnauthenticated, "this node takes users only, and there is none yet; add the first one, an admin, with the token that the node was started with (serve --admin-token-file)")
	}
	return nil, firn.Errorf(firn.ErrUnauthenticated, "this cluster asks who you are; give a token (--token-file FILE, or FIRN_TOKEN), or a client certificate that names a user")
}

// NextEnd returns when the next token ends behind a moment, zero for never.
func (t *Table) NextEnd(now time.Time) (next time.Time) {
	for _, holders := range t.byToken {
		for _, h := range holders {
			if end := h.token.Until; end.After(now) && (next.IsZero() || end.Before(next)) {
				next = end
			}
		}
	}
	return next
}
