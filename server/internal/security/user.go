package security

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/firndb/firn"
)

// User is one user, as the definition in the log holds it. It is not changed.
type User struct {
	Name    string
	Role    firn.Role
	Streams []string // beginnings of names; none: every stream
	Tokens  []Token  // the newest first
}

// Token is one token of a user.
type Token struct {
	Hash  Hash
	Made  time.Time
	Until time.Time // zero: it has no end of its own
}

// tokensMax is how many tokens of one user are good at once.
const tokensMax = 8

// body is a user as the definition's body holds it:
//
//	{"role":"write","streams":["order-"],"tokens":[{"sha256":"…","made_us":…,"until_us":…}]}
type body struct {
	Role    string      `json:"role"`
	Streams []string    `json:"streams,omitempty"`
	Tokens  []tokenBody `json:"tokens,omitempty"`
}

type tokenBody struct {
	Hash  string `json:"sha256"`
	Made  int64  `json:"made_us"`
	Until int64  `json:"until_us,omitempty"`
}

// Encode returns the body of the user's definition.
func (u *User) Encode() []byte {
	b := body{Role: u.Role.String(), Streams: u.Streams}
	for i := range u.Tokens {
		t := &u.Tokens[i]
		held := tokenBody{Hash: hex.EncodeToString(t.Hash[:]), Made: t.Made.UnixMicro()}
		if !t.Until.IsZero() {
			held.Until = t.Until.UnixMicro()
		}
		b.Tokens = append(b.Tokens, held)
	}
	text, err := json.Marshal(&b)
	if err != nil {
		panic(err) // texts and numbers
	}
	return text
}

// ParseUser reads the body of a user's definition.
func ParseUser(name string, text []byte) (*User, error) {
	var b body
	err := json.Unmarshal(text, &b)
	u := &User{Name: name, Streams: b.Streams}
	if err == nil {
		u.Role, err = firn.ParseRole(b.Role)
	}
	for _, held := range b.Tokens {
		t := Token{Made: time.UnixMicro(held.Made).UTC()}
		if held.Until != 0 {
			t.Until = time.UnixMicro(held.Until).UTC()
		}
		if n, bad := hex.Decode(t.Hash[:], []byte(held.Hash)[:min(len(held.Hash), 2*len(t.Hash))]); bad != nil || n != len(t.Hash) {
			err = firn.Errorf(firn.ErrDamaged, "a token without its hash")
		}
		u.Tokens = append(u.Tokens, t)
	}
	if err != nil {
		return nil, firn.Errorf(firn.ErrDamaged, "the definition of the user %s cannot be read by this node: %v; define it anew", name, err)
	}
	return u, nil
}

// Shown is the user as it may be told: without its tokens' hashes.
func (u *User) Shown() *firn.User {
	shown := &firn.User{Name: u.Name, Role: u.Role, Streams: u.Streams}
	for i := range u.Tokens {
		shown.Tokens = append(shown.Tokens, firn.UserToken{Made: u.Tokens[i].Made, Until: u.Tokens[i].Until})
	}
	return shown
}

// Changed returns the user after a change that is made now; nil where it is as
// it was, because the change was made before. before is nil for a new user.
func Changed(before *User, name string, c *firn.UserChange, now time.Time) (*User, error) {
	after := &User{Name: name, Role: c.Role}
	if before == nil {
		if c.Role == 0 {
			return nil, firn.Errorf(firn.ErrInvalid, "the user %s is new, and no role says what it may do", name)
		}
	} else {
		if after.Role == 0 {
			after.Role = before.Role
		}
		after.Streams = before.Streams
	}
	if c.Streams != nil {
		after.Streams = *c.Streams
	}
	if after.Role == firn.RoleAdmin && len(after.Streams) > 0 {
		return nil, firn.Errorf(firn.ErrInvalid, "the user %s is to be an admin for some streams only; an admin may do everything, on every stream", name)
	}
	now = now.UTC().Truncate(time.Microsecond)
	if c.Token != nil {
		after.Tokens = []Token{{Hash: *c.Token, Made: now}}
	}
	if before == nil {
		return after, nil
	}
	again := c.Token != nil && len(before.Tokens) > 0 && before.Tokens[0].Hash.Equal(&after.Tokens[0].Hash)
	if (again || c.Token == nil) && SameRights(before, after) {
		return nil, nil
	}
	if again {
		after.Tokens = nil
	}
	for _, t := range before.Tokens {
		if c.Token != nil && !again {
			if end := now.Add(c.Overlap); t.Until.IsZero() || t.Until.After(end) {
				t.Until = end
			}
		}
		if t.good(now) {
			after.Tokens = append(after.Tokens, t)
		}
	}
	if len(after.Tokens) > tokensMax {
		return nil, firn.Errorf(firn.ErrInvalid, "the user %s would have %d tokens that are good at once; at most %d are allowed: rotate without an overlap", name, len(after.Tokens), tokensMax)
	}
	return after, nil
}

func (t *Token) good(now time.Time) bool { return t.Until.IsZero() || now.Before(t.Until) }

// SameRights reports whether two users may do the same.
func SameRights(a, b *User) bool { return a.Role == b.Role && slices.Equal(a.Streams, b.Streams) }
