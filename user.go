package firn

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Role says what a user may do. Each role may do all that the ones before it
// may.
type Role uint8

// The roles. docs/users.md says which calls take which.
const (
	RoleRead  Role = 1 // read, subscribe, look into the past
	RoleWrite Role = 2 // append, change streams' lives, use consumer groups
	RoleAdmin Role = 3 // everything, on every stream
)

var roleNames = []string{RoleRead: "read", RoleWrite: "write", RoleAdmin: "admin"}

// String returns the role's name, "" where it is none.
func (r Role) String() string {
	if int(r) < len(roleNames) {
		return roleNames[r]
	}
	return ""
}

// ParseRole reads a role's name.
func ParseRole(name string) (Role, error) {
	if i := slices.Index(roleNames, name); i > 0 {
		return Role(i), nil
	}
	return 0, Errorf(ErrInvalid, "the role %.40q; the roles are %s", name, strings.Join(roleNames[RoleRead:], ", "))
}

// User is somebody whom a cluster knows: what the [Definition] of a user says,
// see [ParseUser].
type User struct {
	Name    string
	Role    Role
	Streams []string    // only streams whose names begin with one of these; none: every stream
	Tokens  []UserToken // the newest first; none: only a certificate proves who it is
}

// UserToken is what is told of a token. Neither it nor its hash is ever shown.
type UserToken struct {
	Made  time.Time
	Until time.Time // it ends then; zero: with its user, or by another one
}

// UserStreamsMax is how many beginnings of names the rules of one user have at most.
const UserStreamsMax = 64

// UserChange is what becomes of a user, as the source of a definition of class
// [UserDefinition]: everything for one that is new, and of one that is there what
// is to be other than it was.
type UserChange struct {
	Role    Role          // 0: as it is
	Streams *[]string     // nil: as they are
	Token   *[32]byte     // a new token's hash, see TokenHash; nil: no new one
	Overlap time.Duration // how long the tokens before a new one still hold, to the microsecond; at most [UserOverlapMax]
}

// UserOverlapMax is the longest time for which an older token can still hold.
const UserOverlapMax = 90 * 24 * time.Hour

// NewToken makes a token of 256 random bits.
func NewToken() string {
	var random [32]byte
	rand.Read(random[:]) // it does not fail
	return "firn_" + base64.RawURLEncoding.EncodeToString(random[:])
}

// TokenHash is what a cluster keeps of a token: its SHA-256. From the hash of 256
// random bits nobody comes to the bits, however fast it is to compute.
func TokenHash(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// userSource is the source of a user's definition: as it is given, with token and
// overlap, and as it is shown, with tokens.
type userSource struct {
	Role    string            `json:"role,omitempty"`
	Streams *[]string         `json:"streams,omitempty"`
	Token   string            `json:"token_sha256,omitempty"`
	Overlap int64             `json:"overlap_us,omitempty"`
	Tokens  []userTokenSource `json:"tokens,omitempty"`
}

type userTokenSource struct {
	Made  time.Time  `json:"made"`
	Until *time.Time `json:"until,omitempty"`
}

// Source returns the change as the source of a definition.
func (c *UserChange) Source() []byte {
	s := userSource{Role: c.Role.String(), Overlap: c.Overlap.Microseconds()}
	if c.Streams != nil {
		all := append([]string{}, *c.Streams...) // null would be: as they are
		s.Streams = &all
	}
	if c.Token != nil {
		s.Token = hex.EncodeToString(c.Token[:])
	}
	return marshalUser(&s)
}

// ParseUserChange reads what Source writes, and checks it by itself.
func ParseUserChange(source []byte) (c UserChange, err error) {
	var s userSource
	d := json.NewDecoder(bytes.NewReader(source))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil || d.More() || s.Tokens != nil {
		return c, Errorf(ErrInvalid, `a user is defined by {"role":…, "streams":[…], "token_sha256":…, "overlap_us":…}`)
	}
	if s.Role != "" {
		if c.Role, err = ParseRole(s.Role); err != nil {
			return c, err
		}
	}
	if s.Token != "" {
		c.Token = new([32]byte)
		if n, err := hex.Decode(c.Token[:], []byte(s.Token)[:min(len(s.Token), 64)]); err != nil || n != len(c.Token) || len(s.Token) != 64 {
			return c, Errorf(ErrInvalid, "a token's SHA-256 has 64 hexadecimal digits")
		}
	}
	if c.Overlap = time.Duration(s.Overlap) * time.Microsecond; s.Overlap < 0 || s.Overlap > UserOverlapMax.Microseconds() || c.Overlap > 0 && c.Token == nil {
		return c, Errorf(ErrInvalid, "tokens overlap for %v; give 0 to %v, with a new token", c.Overlap, UserOverlapMax)
	}
	c.Streams = s.Streams
	if c.Streams != nil {
		return c, checkUserStreams(*c.Streams)
	}
	return c, nil
}

func checkUserStreams(prefixes []string) error {
	if len(prefixes) > UserStreamsMax {
		return Errorf(ErrInvalid, "%d beginnings of streams' names; at most %d are allowed, give those that belong together a common one", len(prefixes), UserStreamsMax)
	}
	for _, p := range prefixes {
		switch {
		case p == "":
			return Errorf(ErrInvalid, "an empty beginning of streams' names selects every stream; leave it out")
		case len(p) > StreamNameBytesMax || !utf8.ValidString(p):
			return Errorf(ErrInvalid, "the beginning %.64q of streams' names; give 1 to %d bytes of UTF-8", p, StreamNameBytesMax)
		case IsSystem(p) && !strings.HasPrefix(p, ImportStreamPrefix):
			return Errorf(ErrInvalid, "the beginning %.64q of streams' names is the system's; what records a stream's life is seen by whoever sees the stream, and of the others only %s can be given", p, ImportStreamPrefix)
		}
	}
	return nil
}

// UserSource returns a user as stores show it: as the source of its definition.
func UserSource(u *User) []byte {
	s := userSource{Role: u.Role.String()}
	if len(u.Streams) > 0 {
		s.Streams = &u.Streams
	}
	for _, t := range u.Tokens {
		shown := userTokenSource{Made: t.Made}
		if !t.Until.IsZero() {
			shown.Until = &t.Until
		}
		s.Tokens = append(s.Tokens, shown)
	}
	return marshalUser(&s)
}

// ParseUser reads a user's definition, as stores show it.
func ParseUser(d *Definition) (User, error) {
	u := User{Name: d.Name}
	var s userSource
	if err := json.Unmarshal(d.Source, &s); err != nil {
		return u, fmt.Errorf("the user %s: %w", d.Name, err)
	}
	u.Role, _ = ParseRole(s.Role)
	if s.Streams != nil {
		u.Streams = *s.Streams
	}
	for _, t := range s.Tokens {
		token := UserToken{Made: t.Made}
		if t.Until != nil {
			token.Until = *t.Until
		}
		u.Tokens = append(u.Tokens, token)
	}
	return u, nil
}

func marshalUser(s *userSource) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts and numbers
	}
	return b
}
