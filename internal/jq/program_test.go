package jq_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/itchyny/gojq"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jq"
)

func decode(t testing.TB, text string) any {
	t.Helper()
	v, err := jq.Decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// run runs an expression and returns its result as JSON.
func run(t testing.TB, expression, input, event string) (string, error) {
	t.Helper()
	p, err := jq.Compile(expression, "$event")
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	v, err := p.Run(context.Background(), decode(t, input), decode(t, event))
	if err != nil {
		return "", err
	}
	return string(jq.Encode(v)), nil
}

func TestRun(t *testing.T) {
	for _, c := range []struct{ expression, input, want string }{
		{`.items += [$event.data.item]`, `{"items":["a"]}`, `{"items":["a",{"price":100.10}]}`},
		{`.`, `[100.10, 1e2, 12345678901234567890, -0]`, `[100.10,1e2,12345678901234567890,-0]`},
		{`.n + 1`, `{"n":12345678901234567890}`, `12345678901234567891`},
		{`.total = ($event.data.item.price | tonumber)`, `{}`, `{"total":100.10}`},
		{`del(.a, .b[0], .b[0:2])`, `{"a":1,"b":[1,2,3]}`, `{"b":[3]}`},
		{`nan`, `1`, `null`},
	} {
		got, err := run(t, c.expression, c.input, `{"data":{"item":{"price":100.10}}}`)
		if err != nil || got != c.want {
			t.Errorf("%s of %s is %s, %v; want %s", c.expression, c.input, got, err, c.want)
		}
	}
}

// TestVersion holds the version that snapshots are kept with against the
// library that is built in.
func TestVersion(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`github.com/itchyny/gojq (v\S+)`).FindSubmatch(mod)
	if found == nil || !strings.HasPrefix(jq.Version, "gojq "+string(found[1])+",") {
		t.Errorf("Version is %q; go.mod has %s", jq.Version, found)
	}
}

func TestRefused(t *testing.T) {
	for expression, want := range map[string]string{
		`now`:                             "now is off: the answer would depend on the clock",
		`.a | env.HOME`:                   "env is off",
		`$ENV`:                            "$ENV is off",
		`{$ENV}`:                          "$ENV is off",
		`input`:                           "input is off",
		`[inputs]`:                        "inputs is off",
		`debug("x")`:                      "debug is off",
		`stderr`:                          "stderr is off",
		`input_line_number`:               "input_line_number is off",
		`halt`:                            "halt is off",
		`"x" | halt_error`:                "halt_error is off",
		`localtime`:                       "localtime is off",
		`strflocaltime("%H")`:             "strflocaltime is off",
		`builtins`:                        "builtins is off",
		`jn(1e18; 1e80)`:                  "jn is off",
		`import "a" as a; .`:              "import, include and module are off",
		`include "a"; .`:                  "import, include and module are off",
		`module {}; .`:                    "import, include and module are off",
		`_multiply("x"; 1e9)`:             "there is no function _multiply with 2 arguments",
		`__enter(-1)`:                     "there is no function __enter with 1 arguments",
		`def __shallow: .; .`:             "names that begin with _ are the library's",
		`nosuch(1)`:                       "there is no function nosuch with 1 arguments",
		`a::b`:                            "there is no function a::b with 0 arguments",
		`@nosuch`:                         "the format @nosuch is not known",
		`.a.`:                             "unexpected EOF, at byte 3",
		`$other`:                          "variable not defined: $other",
		`break $x`:                        "label not defined: $x",
		``:                                "missing query",
		`"\(now)"`:                        "now is off",
		`. as {(now): $x} | $x`:           "now is off",
		`.[now]`:                          "now is off",
		`reduce now as $x (0; .)`:         "now is off",
		`try error catch now`:             "now is off",
		`if . then 1 elif now then 2 end`: "now is off",
		`@base64 "\(now)"`:                "now is off",
		`{(now): 1}`:                      "now is off",
		`label $x | now`:                  "now is off",
		`foreach . as $x (0; .; now)`:     "now is off",
		`-now`:                            "now is off",
		`def f: now; 1`:                   "now is off",
		`.a |= now`:                       "now is off",
		`path(now)`:                       "now is off",
		strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200): "nested deeper than 100",
		strings.Repeat("[", 200) + "1" + strings.Repeat("]", 200): "nested deeper than 100",
		strings.Repeat("1", 2000):                                 "a number of 2000 bytes",
		strings.Repeat(" ", 1<<15) + ".":                          "it has 32769 bytes; at most 16384",
	} {
		_, err := jq.Compile(expression, "$event")
		if !errors.Is(err, firn.ErrInvalid) || !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
			t.Errorf("%.60s: %v; want %s", expression, err, want)
		}
	}
	// A function of the program's own may have such a name.
	if got, err := run(t, `def now: 17; def map(f): "mine"; [now, map(1)]`, `null`, `null`); got != `[17,"mine"]` || err != nil {
		t.Errorf("functions of the program's own: %s, %v", got, err)
	}
}

func TestFails(t *testing.T) {
	for expression, want := range map[string]string{
		`.a | error("no such item")`: "no such item",
		`error({a: 1})`:              `error: {"a":1}`,
		`1 / 0`:                      "cannot divide number (1) by: number (0)",
		`empty`:                      "it gives no value; exactly one is wanted",
		`1, 2`:                       "it gives several values, 1 and 2",
		`1, error("x")`:              "x",
		`.a.b.c`:                     "expected an object but got: number (1)",
		`.[[1]]`:                     "an array cannot be an index here",
		`[1] | getpath([[1]])`:       "an array cannot be an index here",
		`[] | .[-1] = 1`:             "before the array's start",
		`"a" | test("(")`:            `invalid regular expression "("`,
		`"a" | test("a"; "q")`:       `unsupported regular expression flag: "q"`,
		`"a" | strptime("%Z")`:       "would depend on the node's time zone",
		`"a" | strptime("%Y%_+")`:    "would depend on the node's time zone",
		`[1] | .[0:1] = 5`:           "a slice can only become an array",
		`{a: error(null)}`:           "null",
	} {
		_, err := run(t, expression, `{"a":{"b":1}}`, `null`)
		if !errors.Is(err, firn.ErrProgram) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "`"+expression+"`") {
			t.Errorf("%s: %v; want %s", expression, err, want)
		}
	}
}

// TestLikeLibrary compares what rewritten expressions compute with what gojq
// computes from them as they stand.
func TestLikeLibrary(t *testing.T) {
	text, err := os.ReadFile("testdata/like-library.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		n++
		input, expression, _ := strings.Cut(line, " | ")
		got := outcome(func() (any, error) {
			p, err := jq.Compile("["+expression+"]", "$event")
			if err != nil {
				return nil, err
			}
			v, err := p.Run(context.Background(), decode(t, input), decode(t, `{"data":{"n":1.50}}`))
			if err == nil && !reflect.DeepEqual(v, decode(t, string(jq.Encode(v)))) {
				t.Errorf("%s of %s: what is read is not what was written: %#v", expression, input, v)
			}
			return v, err
		})
		want := outcome(func() (any, error) {
			return plain("["+expression+"]", decode(t, input), decode(t, `{"data":{"n":1.50}}`))
		})
		if got != want && !(strings.HasPrefix(got, "error") && strings.HasPrefix(want, "error")) {
			t.Errorf("%s of %s\n is %s\nnot %s", expression, input, got, want)
		}
	}
	if n < 150 {
		t.Errorf("only %d expressions were compared", n)
	}
}

func plain(expression string, input any, event any) (any, error) {
	q, err := gojq.Parse(expression)
	if err != nil {
		return nil, err
	}
	code, err := gojq.Compile(q, gojq.WithVariables([]string{"$event"}))
	if err != nil {
		return nil, err
	}
	v, _ := code.Run(input, event).Next()
	if err, ok := v.(error); ok {
		return nil, err
	}
	return v, nil
}

func outcome(f func() (any, error)) string {
	v, err := f()
	if err != nil {
		return "error: " + err.Error()
	}
	return string(jq.Encode(v))
}

// TestInputStays runs programs that update their input at once, and sees that
// the inputs and the constants in the program stay as they were.
func TestInputStays(t *testing.T) {
	const text = `{"a":[1,2,{"b":3}],"c":{"d":{"e":[]}}}`
	input := decode(t, text)
	for _, expression := range []string{
		`.a[2].b = 1 | .c.d.e[3] = 2`, `del(.a[0], .c.d)`, `.a |= map(.)`, `.. |= .`, `walk(.)`, `.a[0:2] = [9]`, `.a += [4] | .a[0] = 7`,
		`delpaths([["a",0],["c"]])`, `.a |= (sort | reverse)`, `{x: {y: {z: 1}}} | del(.nosuch) | .x.y.z = 2 | del(.x.y.z)`, `[.a, .a] | .[0][0] = 5 | .[1][1:] |= empty`,
	} {
		p, err := jq.Compile(expression)
		if err != nil {
			t.Fatal(err)
		}
		want, err := p.Run(context.Background(), input)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 20 {
					if got, err := p.Run(context.Background(), input); err != nil || !reflect.DeepEqual(got, want) {
						t.Errorf("%s: %v, %v; the first time %v", expression, got, err, want)
						return
					}
				}
			})
		}
		all.Wait()
		if got := string(jq.Encode(input)); got != text {
			t.Fatalf("%s changed its input to %s", expression, got)
		}
	}
}

func TestCancelled(t *testing.T) {
	p, err := jq.Compile(`[range(1e12)]`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(fmt.Errorf("the caller went away"))
	if _, err := p.Run(ctx, nil); !errors.Is(err, context.Canceled) || errors.Is(err, firn.ErrProgram) {
		t.Errorf("a cancelled run ends with %v", err)
	}
}
