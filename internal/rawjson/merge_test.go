package rawjson_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firndb/firn/internal/rawjson"
)

// TestMerge: a patch that is not opened does the same as one that is, also with
// many members, with escapes, and with names that stand twice.
func TestMerge(t *testing.T) {
	many := func(n int, value string) string {
		var members []string
		for i := range n {
			members = append(members, fmt.Sprintf(`"m%d":%s`, i, value))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	for _, c := range [][3]string{
		{`{"a":1.0,"b":{"c":2}}`, `{"b":{"d":1e2,"c":null},"e":{"f":null,"g":[null]}}`, `{"a":1.0,"b":{"d":1e2},"e":{"g":[null]}}`},
		{`{"a":1}`, `{"b":{"x":1},"b":{"y":2}}`, `{"a":1,"b":{"y":2}}`},
		{`{"a":1}`, `{"a":null,"\u0061":3,"b":4,"b":null}`, `{"a":3}`},
		{`{"\u0061":1}`, `{"a":2}`, `{"\u0061":2}`},
		{`{}`, many(40, "1"), many(40, "1")},
		{many(40, "1"), many(40, "2"), many(40, "2")},
		{many(40, "1"), many(39, "null"), `{"m39":1}`},
		{`[1]`, `{}`, `{}`}, {`{"a":1}`, `{}`, `{"a":1}`}, {`{"a":1}`, ` [ 1 , 2 ] `, `[1,2]`},
	} {
		for _, open := range []bool{false, true} {
			text := []byte(c[1])
			v := parse(t, c[0])
			patch, err := rawjson.Parse(text, bytesMax)
			if err != nil {
				t.Fatal(err)
			}
			if open {
				openAll(&patch)
			}
			v.Merge(&patch)
			for i := range text {
				text[i] = 'x' // whose text it was may use it again
			}
			if got := string(v.Append(nil)); got != c[2] {
				t.Errorf("%.80s with %.80s, open %v, is\n%s, not\n%s", c[0], c[1], open, got, c[2])
			}
		}
	}
}
