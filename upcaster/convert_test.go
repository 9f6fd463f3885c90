package upcaster_test

import (
	"strings"
	"testing"
)

func TestConversions(t *testing.T) {
	for _, c := range []struct{ conversion, from, to string }{
		{"number", `"12345678901234567890.10"`, `12345678901234567890.10`},
		{"number", `"-1e5"`, `-1e5`},
		{"number", `100.10`, `100.10`},
		{"integer", `"17"`, `17`},
		{"integer", `17.00`, `17`},
		{"integer", `1.5e3`, `1500`},
		{"integer", `-1200e-2`, `-12`},
		{"integer", `0.0`, `0`},
		{"integer", `12345678901234567890`, `12345678901234567890`},
		{"string", `100.10`, `"100.10"`},
		{"string", `true`, `"true"`},
		{"string", `"a\u0062"`, `"a\u0062"`},
		{"boolean", `"true"`, `true`},
		{"boolean", `"false"`, `false`},
		{"boolean", `false`, `false`},
		{"array", `{"a":1.0}`, `[{"a":1.0}]`},
		{"array", `[1]`, `[1]`},
		{"json", `"{\"a\": 1.50}"`, `{"a":1.50}`},
		{"json", `{"a":1}`, `{"a":1}`},
		{"{map: {P: paid, O: [open, 1.0], 1: one, 'true': yes}}", `"P"`, `"paid"`},
		{"{map: {P: paid, O: [open, 1.0], 1: one, 'true': yes}}", `"O"`, `["open",1.0]`},
		{"{map: {P: paid, O: [open, 1.0], 1: one, 'true': yes}}", `1`, `"one"`},
		{"{map: {P: paid, O: [open, 1.0], 1: one, 'true': yes}}", `true`, `"yes"`},
		{"{map: {yes: true, no: false}}", `"no"`, `false`},
		{"{shift: 2}", `100.10`, `10010`},
		{"{shift: 2}", `-1.5`, `-150`},
		{"{shift: 2}", `0.001`, `0.1`},
		{"{shift: 2}", `1e2`, `10000`},
		{"{shift: -2}", `1234`, `12.34`},
		{"{shift: -2}", `5`, `0.05`},
		{"{shift: -2}", `0`, `0.00`},
		{"[number, {shift: 2}, integer]", `"19.90"`, `1990`},
		{"seconds-to-time", `1772375527`, `"2026-03-01T14:32:07Z"`},
		{"seconds-to-time", `1772375527.250`, `"2026-03-01T14:32:07.25Z"`},
		{"seconds-to-time", `-0.5`, `"1969-12-31T23:59:59.5Z"`},
		{"seconds-to-time", `"2026-03-01T14:32:07Z"`, `"2026-03-01T14:32:07Z"`},
		{"millis-to-time", `1772375527001`, `"2026-03-01T14:32:07.001Z"`},
		{"micros-to-time", `1.772375527000001e15`, `"2026-03-01T14:32:07.000001Z"`},
		{"time-to-seconds", `"2026-03-01T14:32:07Z"`, `1772375527`},
		{"time-to-seconds", `"2026-03-01T15:32:07.250+01:00"`, `1772375527.25`},
		{"time-to-seconds", `"1969-12-31T23:59:59.5Z"`, `-0.5`},
		{"time-to-millis", `"2026-03-01T14:32:07.001Z"`, `1772375527001`},
		{"time-to-millis", `1772375527001`, `1772375527001`},
		{"time-to-micros", `"1970-01-01T00:00:00Z"`, `0`},
		{"[time-to-seconds, seconds-to-time]", `"9999-12-31T23:59:59.999999999Z"`, `"9999-12-31T23:59:59.999999999Z"`},
	} {
		got, err := do(t, "convert: {/v: "+c.conversion+"}", `{"v":`+c.from+`}`)
		if want := `{"v":` + c.to + `}`; err != nil || got != want {
			t.Errorf("%s of %s: got %s, %v; want %s", c.conversion, c.from, got, err, want)
		}
		if strings.HasPrefix(c.conversion, "[") || strings.HasPrefix(c.conversion, "{") {
			continue
		}
		// Once more changes nothing.
		if again, err := do(t, "convert: {/v: "+c.conversion+"}", got); err != nil || again != got {
			t.Errorf("%s of %s again: %s, %v", c.conversion, got, again, err)
		}
	}
	for _, c := range []struct{ conversion, from, why string }{
		{"number", `" 1"`, `" 1" is no number`},
		{"number", `""`, `"" is no number`},
		{"number", `"0x10"`, `"0x10" is no number`},
		{"number", `"NaN"`, `"NaN" is no number`},
		{"number", `true`, "it is a boolean (true), not a string or a number"},
		{"integer", `1.5`, "1.5 is no whole number"},
		{"integer", `1e999999999`, "more digits"},
		{"integer", `1e99999999999999999999`, "more digits"},
		{"string", `{}`, "it is an object ({}), not a number, a boolean or a string"},
		{"boolean", `"yes"`, `"yes" is neither "true" nor "false"`},
		{"boolean", `1`, "it is a number (1), not a string or a boolean"},
		{"json", `"{"`, "the text within the string: not JSON"},
		{"{map: {a: b}}", `"c"`, `"c" is not in the map`},
		{"{map: {a: b}}", `{}`, "it is an object; map takes"},
		{"{shift: 2}", `"1"`, `it is a string ("1"), not a number`},
		{"{shift: 100}", `1e1000`, "more digits"},
		{"seconds-to-time", `1772375527001000`, "outside the years 1 to 9999; is the unit right?"},
		{"seconds-to-time", `0.0000000001`, "finer than a nanosecond"},
		{"seconds-to-time", `1e900`, "outside the years"},
		{"seconds-to-time", `"yesterday"`, "is no time as RFC 3339"},
		{"seconds-to-time", `[]`, "it is an array ([]), not a number"},
		{"time-to-seconds", `"2026-03-01"`, "is no time as RFC 3339"},
		{"time-to-seconds", `"2026-03-01T14:32:07,5Z"`, "is no time as RFC 3339"},
		{"time-to-seconds", `"2026-03-01T14:32:07.0000000001Z"`, "finer than a nanosecond"},
		{"time-to-millis", `"2026-03-01T14:32:07.0001Z"`, "finer than the unit"},
		{"time-to-millis", `{}`, "it is an object ({}), not a string"},
	} {
		_, err := do(t, "convert: {/v: "+c.conversion+"}", `{"v":`+c.from+`}`)
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s of %s: got %v, want … %s …", c.conversion, c.from, err, c.why)
		}
	}
}
