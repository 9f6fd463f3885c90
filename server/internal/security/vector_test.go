package security_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/enginetest/vector"
	"github.com/firndb/firn/server/internal/security"
)

// TestVectors holds the bodies of users' definitions against the files in
// testdata/user, which docs/formats/user.md speaks of.
func TestVectors(t *testing.T) {
	made := time.UnixMicro(1_772_000_000_000_000).UTC()
	good := map[string]*security.User{
		"admin":          {Name: "boss", Role: firn.RoleAdmin, Tokens: []security.Token{{Hash: security.HashToken("firn_example"), Made: made}}},
		"rotated":        {Name: "ann", Role: firn.RoleWrite, Streams: []string{"order-", "cart-"}, Tokens: []security.Token{{Hash: security.HashToken("b"), Made: made}, {Hash: security.HashToken("a"), Made: made.Add(-time.Hour), Until: made.Add(time.Hour)}}},
		"by-certificate": {Name: "bob", Role: firn.RoleRead},
	}
	bad := map[string]string{
		"no-role": `{"streams":["order-"]}`, "other-role": `{"role":"owner"}`,
		"short-hash": `{"role":"read","tokens":[{"sha256":"00","made_us":1}]}`, "no-json": `role: read`,
	}
	var all []vector.Vector
	for name, u := range good {
		body := u.Encode()
		all = append(all, vector.Vector{Name: name, Fields: []vector.Field{vector.F("user", u.Name), vector.F("body", string(body)), vector.Expect("ok")}, Bytes: body})
		if back, err := security.ParseUser(u.Name, body); err != nil || !reflect.DeepEqual(back, u) {
			t.Errorf("%s comes back as %+v, %v", name, back, err)
		}
	}
	for name, body := range bad {
		all = append(all, vector.Vector{Name: name, Fields: []vector.Field{vector.F("user", "ann"), vector.F("body", body), vector.Expect("damaged")}, Bytes: []byte(body)})
		if u, err := security.ParseUser("ann", []byte(body)); err == nil {
			t.Errorf("%s is taken for %+v", name, u)
		}
	}
	vector.Check(t, "testdata/user", all)
}
