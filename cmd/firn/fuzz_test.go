package main

import "testing"

// FuzzAppendLine reads lines of "firn append --stdin".
func FuzzAppendLine(f *testing.F) {
	for _, line := range []string{
		`{"stream":"order-1","type":"T","data":{"n":1},"metadata":{},"id":"01890a5d-ac96-774b-bcce-b302099a8057","schema":2,"expect":"none"}`,
		`{"stream":"order-1","check":true,"expect":3}`, `{"data":"` + "\xff" + `"}`, `{"unknown":1}`, `[]`,
		`[[`, "\"\"\x18", `0 0`, "\xc90", ``, "\xf0\xb8\xb8\xd1", // kept here: testdata holds stories
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		l, err := parseAppendLine(line, appendLine{})
		if err == nil && l.check && len(l.draft.Data) > 0 {
			t.Errorf("%q is a condition, and has data", line)
		}
	})
}
