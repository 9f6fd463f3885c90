package security_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/security"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func user(name string, role firn.Role, tokens ...security.Token) *security.User {
	return &security.User{Name: name, Role: role, Tokens: tokens}
}

func token(text string, until time.Time) security.Token {
	return security.Token{Hash: security.HashToken(text), Made: noon, Until: until}
}

func TestResolve(t *testing.T) {
	hour := noon.Add(time.Hour)
	users := map[string]*security.User{
		"ann":    user("ann", firn.RoleAdmin, token("new", time.Time{}), token("old", hour)),
		"bob":    user("bob", firn.RoleRead),
		"broken": nil,
	}
	operator := security.HashToken("operator")
	closed := security.NewTable(9, users, security.Rules{Operator: &operator})
	open := security.NewTable(0, nil, security.Rules{})
	certified := security.NewTable(0, nil, security.Rules{Certificates: true})
	required := security.NewTable(0, nil, security.Rules{Require: true, Operator: &operator})
	for _, test := range []struct {
		table     *security.Table
		presented security.Presented
		at        time.Time
		want      string // "-": nobody
	}{
		{closed, security.Presented{}, noon, "-"},
		{closed, security.Presented{Token: "new"}, noon, "ann"},
		{closed, security.Presented{Token: "old"}, noon, "ann"},
		{closed, security.Presented{Token: "old"}, hour, "-"},
		{closed, security.Presented{Token: "nonsense"}, noon, "-"},
		{closed, security.Presented{Certificate: "bob"}, noon, "bob"},
		{closed, security.Presented{Certificate: "carl"}, noon, "-"},
		{closed, security.Presented{Certificate: "broken"}, noon, "-"},
		{closed, security.Presented{Token: "nonsense", Certificate: "bob"}, noon, "-"},
		{closed, security.Presented{Token: "new", Certificate: "bob"}, noon, "ann"},
		{closed, security.Presented{Token: "operator"}, noon, security.OperatorName},
		{open, security.Presented{}, noon, ""},
		{open, security.Presented{Token: "nonsense"}, noon, ""},
		{certified, security.Presented{}, noon, "-"},
		{certified, security.Presented{Token: "nonsense"}, noon, "-"},
		{certified, security.Presented{Certificate: "carl"}, noon, "carl"},
		{required, security.Presented{}, noon, "-"},
		{required, security.Presented{Token: "operator"}, noon, security.OperatorName},
	} {
		got := "-"
		u, err := test.table.Resolve(security.NewCaller(test.presented), test.at)
		if err == nil {
			got = u.Name
		} else if !errors.Is(err, firn.ErrUnauthenticated) || test.presented.Token != "" && strings.Contains(err.Error(), test.presented.Token) {
			t.Errorf("%+v: %v", test.presented, err)
		}
		if got != test.want {
			t.Errorf("%+v at %s: %q, want %q", test.presented, test.at, got, test.want)
		}
	}
	if next := closed.NextEnd(noon); !next.Equal(hour) {
		t.Errorf("the next token ends at %s", next)
	}
	if next := closed.NextEnd(hour); !next.IsZero() {
		t.Errorf("a token ends at %s, and none does", next)
	}
	if open.Access != security.Open || certified.Access != security.Certificates || required.Access != security.Users || closed.Access != security.Users {
		t.Errorf("open: %v, with certificates: %v, required: %v, with users: %v", open.Access, certified.Access, required.Access, closed.Access)
	}
	if _, err := closed.Resolve(security.NewCaller(security.Presented{Node: "n4", Token: "new"}), noon); !errors.Is(err, firn.ErrForbidden) {
		t.Errorf("a node is let in: %v", err)
	}
}

// TestCovers tries rules on names, among them the system's.
func TestCovers(t *testing.T) {
	all := []string{"order-1", "orders", "cart-1", "$$order-1", "$$$$order-1", "$$cart-1", "$import-1", "$categories", "$definitions", "$other", "$$$definitions"}
	for _, test := range []struct {
		role    firn.Role
		streams []string
		want    string
	}{
		{firn.RoleAdmin, nil, strings.Join(all, " ")},
		{firn.RoleWrite, nil, "order-1 orders cart-1 $$order-1 $$$$order-1 $$cart-1 $import-1 $categories"},
		{firn.RoleRead, []string{"order-"}, "order-1 $$order-1 $$$$order-1"},
		{firn.RoleRead, []string{"order", "$import-"}, "order-1 orders $$order-1 $$$$order-1 $import-1"},
		{firn.RoleRead, []string{"$"}, "$import-1"},
	} {
		u := &security.User{Name: "u", Role: test.role, Streams: test.streams}
		var covered []string
		for _, s := range all {
			if u.Covers(s) {
				covered = append(covered, s)
			}
		}
		if got := strings.Join(covered, " "); got != test.want {
			t.Errorf("%s %v covers\n     %s\nwant %s", test.role, test.streams, got, test.want)
		}
	}
}

// TestNarrow holds what is left of beginnings of names against trying every
// short name.
func TestNarrow(t *testing.T) {
	var names []string
	for i := range 3 * 3 * 3 * 3 {
		name := ""
		for n := i; n > 0; n /= 3 {
			name += string(rune('a' + n%3))
		}
		names = append(names, name)
	}
	begins := func(name string, prefixes []string) bool {
		return len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
	rules := [][]string{nil, {"a"}, {"ab", "b"}, {"abc", "ab", "c"}, {"b", "ba", "cab"}}
	for _, streams := range rules {
		u := &security.User{Name: "u", Role: firn.RoleRead, Streams: streams}
		for _, asked := range rules {
			left, err := u.Narrow("read", asked)
			for _, name := range names {
				want := begins(name, streams) && begins(name, asked)
				if got := err == nil && begins(name, left); got != want {
					t.Errorf("of %v with the rule %v is left %v (%v): %q is in it: %v", asked, streams, left, err, name, got)
				}
			}
			if len(streams) == 0 {
				continue
			}
			for i := range left {
				if i > 0 && (left[i-1] >= left[i] || strings.HasPrefix(left[i], left[i-1])) {
					t.Errorf("of %v with the rule %v is left %v", asked, streams, left)
				}
			}
		}
	}
}

// TestForbidden: an error says what it takes.
func TestForbidden(t *testing.T) {
	ann := &security.User{Name: "ann", Role: firn.RoleRead, Streams: []string{"order-", "cart-"}}
	boss := &security.User{Name: "boss", Role: firn.RoleWrite}
	for _, test := range []struct {
		err  error
		want string
	}{
		{ann.May(firn.RoleWrite, "append to the stream", "order-1"), `the user ann may not append to the stream "order-1": it takes the role write, and ann has read`},
		{ann.May(firn.RoleRead, "read the stream", "order-1"), ""},
		{ann.May(firn.RoleRead, "read the stream", "plain"), `the user ann may not read the stream "plain": it takes a rule for that stream, and the streams of ann begin with order-, cart-`},
		{ann.MayAll(firn.RoleRead, "see all", ""), "the user ann may not see all: it takes more streams than those that ann has, whose names begin with order-, cart-"},
		{boss.May(firn.RoleRead, "read the stream", "$definitions"), `the user boss may not read the stream "$definitions": it takes the role admin, since that stream is the system's`},
		{boss.MayAll(firn.RoleWrite, "do all", ""), ""},
		{boss.MayAll(firn.RoleAdmin, "do all", ""), "the user boss may not do all: it takes the role admin, and boss has write"},
	} {
		got := ""
		if test.err != nil {
			got = test.err.Error()
		}
		if got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestChanged(t *testing.T) {
	later := noon.Add(time.Minute)
	hash := func(text string) *[32]byte { h := firn.TokenHash(text); return &h }
	streams := func(s ...string) *[]string { return &s }
	describe := func(u *security.User, err error) string {
		switch {
		case err != nil:
			return "refused"
		case u == nil:
			return "as it was"
		}
		text := fmt.Sprint(u.Role, u.Streams)
		for _, t := range u.Tokens {
			for _, known := range []string{"one", "two", "three"} {
				if t.Hash == security.HashToken(known) {
					text += " " + known
				}
			}
			if !t.Until.IsZero() {
				text += fmt.Sprint("+", t.Until.Sub(later))
			}
		}
		return text
	}
	ann := user("ann", firn.RoleWrite, token("two", time.Time{}), token("one", later.Add(time.Minute)))
	for _, test := range []struct {
		before *security.User
		change firn.UserChange
		want   string
	}{
		{nil, firn.UserChange{Role: firn.RoleRead, Streams: streams("a-"), Token: hash("one")}, "read [a-] one"},
		{nil, firn.UserChange{Token: hash("one")}, "refused"},
		{nil, firn.UserChange{Role: firn.RoleAdmin, Streams: streams("a-")}, "refused"},
		{ann, firn.UserChange{Role: firn.RoleRead}, "read [] two one+1m0s"},
		{ann, firn.UserChange{}, "as it was"},
		{ann, firn.UserChange{Token: hash("two")}, "as it was"},
		{ann, firn.UserChange{Token: hash("two"), Role: firn.RoleRead}, "read [] two one+1m0s"},
		{ann, firn.UserChange{Token: hash("three")}, "write [] three"},
		{ann, firn.UserChange{Token: hash("three"), Overlap: time.Hour}, "write [] three two+1h0m0s one+1m0s"},
		{ann, firn.UserChange{Streams: streams("b-")}, "write [b-] two one+1m0s"},
	} {
		if got := describe(security.Changed(test.before, "ann", &test.change, later)); got != test.want {
			t.Errorf("%+v: %s, want %s", test.change, got, test.want)
		}
	}
	crowded := user("ann", firn.RoleRead)
	for i := range 8 {
		crowded.Tokens = append(crowded.Tokens, token(fmt.Sprint(i), time.Time{}))
	}
	if got := describe(security.Changed(crowded, "ann", &firn.UserChange{Token: hash("one"), Overlap: time.Hour}, later)); got != "refused" {
		t.Errorf("nine tokens at once: %s", got)
	}
}
