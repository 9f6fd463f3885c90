package jq_test

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jq"
)

// bounded stands for the message of any limit: which of them comes first is
// no promise.
const bounded = "bounded"

var limits = regexp.MustCompile(`it was ended after|at most \d+ are allowed|with more than \d+|nested deeper than|too large`)

// hostile are programs that would take a node's time or memory, with what each
// of them must be ended by.
var hostile = map[string]string{
	// without an end
	`def f: f; f`:                                       bounded,
	`def f: 1 + f; f`:                                   bounded,
	`def f: [f]; f`:                                     bounded,
	`def f: (., 1) | f; f`:                              bounded,
	`def f: {a: f}; f`:                                  bounded,
	`[range(1e12)]`:                                     bounded,
	`last(range(1e12))`:                                 bounded,
	`[limit(1e9; repeat(1))]`:                           bounded,
	`until(false; .)`:                                   bounded,
	`1, range(1e12)`:                                    "several values",
	`first(range(1e12) | select(false))`:                bounded,
	`try (def f: f; f) catch 1`:                         bounded,
	`(def f: f; f)? // 1`:                               bounded,
	`[.[]?, (def f: try f catch f; f)]`:                 bounded,
	`label $x | def f: try f catch break $x; f`:         bounded,
	`reduce range(1e12) as $i (0; . + $i)`:              bounded,
	`[combinations(40)?] | [[0, 1] | combinations(60)]`: bounded,
	`[recurse(.)]`:                                      bounded,

	// strings
	`"x" * 1e9`:                                                                  bounded,
	`1e308 * "xx"`:                                                               bounded,
	`try ("x" * 1e9) catch 1`:                                                    bounded,
	`reduce range(100) as $i ("xy"; . + .)`:                                      bounded,
	`reduce range(100) as $i ("xy"; "\(.)\(.)")`:                                 bounded,
	`reduce range(100) as $i ("xy"; @json "\(.)\(.)")`:                           bounded,
	`reduce range(100) as $i ("xy"; [., .] | add)`:                               bounded,
	`reduce range(100) as $i ("xy"; . as $x | [., .] | join($x))`:                bounded,
	`reduce range(100) as $i ("&&"; @html "\(.)\(.)")`:                           bounded,
	`reduce range(100) as $i ("\"\""; tojson)`:                                   bounded,
	`reduce range(100) as $i ("&&"; @uri "\(.)\(.)")`:                            bounded,
	`reduce range(100) as $i ("''"; @sh)`:                                        bounded,
	`reduce range(100) as $i ("''"; @base64)`:                                    bounded,
	`reduce range(100) as $i ("''"; format("sh"))`:                               bounded,
	`reduce range(100) as $i ("xy"; gsub("x"; "xx"))`:                            bounded,
	`("x" * 4000000) as $x | [range(1e6) | $x | ascii_upcase]`:                   bounded,
	`("x" * 4000000) as $x | [range(1e6) | $x | explode]`:                        bounded,
	`("x" * 4000000) as $x | [range(1e6) | $x / ""]`:                             bounded,
	`("x" * 4000000) as $x | [range(1e6) | $x + "y"]`:                            bounded,
	`("x" * 1000000) as $x | [range(1e6) | [$x, $x] | join(",")]`:                bounded,
	`("[]," * 1000000) as $x | [range(1e6) | "[\($x)1]" | fromjson]`:             bounded,
	`("[" * 1000000) | fromjson`:                                                 bounded,
	`("1" * 100000) | "[\(.)]" | fromjson`:                                       bounded,
	`("1" * 100000) | tonumber`:                                                  bounded,
	`[range(1e6) | 0 | strftime("%1024Y" * 10000)]`:                              bounded,
	`[range(1e5) | 0 | strftime("%1024Y" * 100)]`:                                bounded,
	`[limit(200000; repeat("x"))] | tojson | [.] | add * 4 | [., ., ., .] | add`: bounded,

	// arrays and objects
	`.[1e9] = 1`:      bounded,
	`[] | .[1e7] = 1`: bounded,
	`[limit(1000; repeat(null))] | .[] |= (null | .[9e5] = 1)`:                 bounded,
	`reduce range(100) as $i ([1]; . + .)`:                                     bounded,
	`reduce range(100) as $i ([1]; [.[], .[]])`:                                bounded,
	`[range(1e5)] as $a | [range(1e6) | $a | reverse]`:                         bounded,
	`[range(1e5)] as $a | [range(1e6) | $a | .[0] = 1]`:                        bounded,
	`[range(1e5)] as $a | [range(1e6) | $a | .[0:1] = [1]]`:                    bounded,
	`[range(1e5)] as $a | [range(1e6) | $a | del(.[0])]`:                       bounded,
	`[range(1e5)] as $a | [range(1e6) | $a | map(.)]`:                          bounded,
	`[range(1e5)] as $a | [range(1e6) | $a + [1]]`:                             bounded,
	`[range(1e5)] as $a | [range(1e6) | [$a, $a] | add]`:                       bounded,
	`[range(1e5)] as $a | [range(1e6) | $a | keys]`:                            bounded,
	`[range(1e4)] as $a | def f: $a[] | f; f`:                                  bounded,
	`[range(1e4)] as $a | def f: ($a[] as [$x] | $x), f; f`:                    "",
	`[range(3e4)] | . - .`:                                                     bounded,
	`[range(3e4)] | contains(.)`:                                               bounded,
	`[range(3e4)] | indices(.[1:])`:                                            bounded,
	`"ab" * 100000 | indices("ab" * 1000)`:                                     bounded,
	`[range(2e4)] | [., []] | transpose`:                                       "",
	`[range(1e3) | [range(1e2)]] | transpose | transpose | transpose | length`: bounded,
	`[range(1e5) | {key: "k\(.)", value: .}] | from_entries`:                   bounded,
	`reduce range(1e5) as $i ({}; .["k\($i)"] = $i)`:                           bounded,
	`[paths(range(1e9))]`:                                                      bounded,
	`reduce range(1e9) as $i (null; [.]) | path(..)`:                           bounded,
	`[reduce range(5e4) as $i (null; [.]) | paths]`:                            "",

	// values that share their parts, or are deep
	`reduce range(60) as $i (1; [., .])`:                                      bounded,
	`reduce range(60) as $i (1; [., .]) | tojson`:                             bounded,
	`reduce range(60) as $i (1; [., .]) | . == .`:                             bounded,
	`reduce range(60) as $i (1; [., .]) | . < .`:                              bounded,
	`reduce range(60) as $i (1; [., .]) | flatten`:                            bounded,
	`reduce range(60) as $i (1; [., .]) | sort`:                               bounded,
	`reduce range(60) as $i (1; [., .]) | unique_by(.)`:                       bounded,
	`reduce range(60) as $i (1; [., .]) | [.] - [1]`:                          bounded,
	`reduce range(60) as $i (1; [., .]) | index(1)`:                           bounded,
	`reduce range(60) as $i (1; [., .]) | bsearch(.)`:                         bounded,
	`reduce range(60) as $i (1; [., .]) | [..]`:                               bounded,
	`reduce range(60) as $i (1; [., .]) | [paths]`:                            bounded,
	`reduce range(60) as $i (1; [., .]) | del(.. | numbers)`:                  bounded,
	`reduce range(60) as $i (1; [., .]) | .[0][1] |= empty | .[0][1] = 1 | 1`: "",
	`reduce range(60) as $i (1; [., .]) | walk(.)`:                            bounded,
	`reduce range(60) as $i (1; [., .]) | error`:                              "error: [",
	`reduce range(60) as $i (1; [., .]) | try error catch 1`:                  "",
	`reduce range(60) as $i ({}; {a: ., b: .}) | . * .`:                       bounded,
	`reduce range(60) as $i ({}; {a: ., b: .}) | contains(.)`:                 bounded,
	`reduce range(300) as $i (1; [.])`:                                        bounded,
	`reduce range(1e5) as $i (1; [.]) | tojson`:                               bounded,
	`reduce range(1e5) as $i (1; [.]) | . == [[[1]]]`:                         bounded,
	`reduce range(1e5) as $i ({}; {a: .}) | . * .`:                            bounded,
	`[range(1e4) | 0] as $p | getpath($p)`:                                    bounded,
	`[range(1e4) | 0] as $p | setpath($p; 1)`:                                 bounded,
	`"[" * 5000 + "]" * 5000 | fromjson`:                                      bounded,

	// numbers
	`reduce range(100) as $i (12345678901234567890; . * .)`:          bounded,
	`reduce range(1e5) as $i (1; . * 1000000007)`:                    bounded,
	`[limit(1e5; repeat(9e99 | floor | tostring | tonumber))] | add`: "",

	// regular expressions
	`"x" | test("(((a{1000}){1000}){1000})")`:                "invalid regular expression",
	`"x" | test("a{1000}" * 100)`:                            bounded,
	`"x" | test("[^\\p{L}]{1000}")`:                          bounded,
	`"x" | test("a" * 5000)`:                                 bounded,
	`"a" * 4000000 | test("(a*)*b|(a+)+c|(a|a)*d")`:          bounded,
	`"a" * 100000 | [match("(a*)*b|(a+)+c|(a|a)*d|a"; "g")]`: bounded,
	`"a" * 30000 | gsub("a"; "b") | length`:                  bounded,
	`"a" * 3000 | gsub("\\ba|(?:.*q)|a"; "b") | length`:      "",
	`[range(1e9) | tostring as $p | "x" | test($p)]`:         bounded,

	// room for variables that are never set
	`def f: if true then 1 + f else ` + variables(900) + ` end; f`:          bounded,
	`def f(g): g | f(g); f(if true then . else ` + variables(900) + ` end)`: bounded,
	`def f: 1 + (f | if true then . else ` + variables(900) + ` end); f`:    bounded,
}

// variables is an expression with n variables.
func variables(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("1 as $v" + string(rune('a'+i%26)) + strings.Repeat("x", i/26%7) + strings.Repeat("y", i/182) + "|")
	}
	return b.String() + "1"
}

// TestHostile runs each of them, one after the other, and holds the memory that
// was taken against a bound; the race detector makes allocations larger. It says nothing of time: machines may be slow, and
// the steps are what is counted.
func TestHostile(t *testing.T) {
	const most = 256 << 20 * raceFactor
	for _, expression := range slices.Sorted(maps.Keys(hostile)) {
		want := hostile[expression]
		p, err := jq.Compile(expression, "$event")
		if err != nil {
			t.Errorf("%.80s: %v", expression, err)
			continue
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = p.Run(context.Background(), nil, nil)
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > most {
			t.Errorf("%.80s: it took %d MiB", expression, taken>>20)
		}
		if want == "" && err == nil {
			continue
		}
		matched := err != nil && (want == bounded && limits.MatchString(err.Error()) || strings.Contains(err.Error(), want))
		if !errors.Is(err, firn.ErrProgram) || !matched || len(err.Error()) > 1000 {
			t.Errorf("%.80s: %.300v; want %q", expression, err, want)
		}
	}
}
