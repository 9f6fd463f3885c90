package firn_test

import (
	"testing"

	"github.com/firndb/firn"
)

func TestSetActor(t *testing.T) {
	for _, c := range []struct{ metadata, actor, want string }{
		{``, `ann`, `{"actor":"ann"}`},
		{` {} `, `ann`, `{"actor":"ann"}`},
		{`{"a": 1.50 }`, `"b"`, `{"a": 1.50 ,"actor":"\"b\""}`},
		{`{"actor":null}`, `ann`, `{"actor":null}`},
		{`{"Actor":1}`, `ann`, `{"Actor":1,"actor":"ann"}`},
		{`{"a":1}`, ``, `{"a":1}`},
		{`null`, `ann`, `null`},
		{`[1]`, `ann`, `[1]`},
		{`"text"`, `ann`, `"text"`},
		{`{"a":`, `ann`, `{"a":`},
		{"\x00", `ann`, "\x00"},
	} {
		d := firn.Draft{Metadata: []byte(c.metadata)}
		if d.SetActor(c.actor); string(d.Metadata) != c.want {
			t.Errorf("%q of %q: %q, want %q", c.metadata, c.actor, d.Metadata, c.want)
		}
	}
}
