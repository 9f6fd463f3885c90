package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestStories tells in testdata what scripts may rely on. A step is a command
// line, with standard input below it, and what it printed:
//
//	firn [terminal]
//	append order-1 --type OrderPlaced --data '{"total":100.10}'
//	----
//	{"stream":"order-1",…}
//
// Standard error follows with "! " before each line, and an exit status that
// is not 0. The clock stands still but for steps of `clock 1h`. What follows
// `nodes` is asked of a node that runs; it knows the time. After a change that is
// meant, `go test ./cmd/firn -run TestStories -rewrite` writes the
// outcomes anew.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		c := newCLI(t)
		var over *overTCP
		outer := t
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			c.t = t
			switch d.Cmd {
			case "clock":
				step, err := time.ParseDuration(d.CmdArgs[0].Key)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				c.now = c.now.Add(step)
				return ""
			case "firn":
				c.terminal = d.HasArg("terminal")
				line, stdin, _ := strings.Cut(d.Input, "\n")
				if over != nil {
					over.terminal = c.terminal
					told := moving.ReplaceAllString(over.run(stdin, words(line)...).story(), "$1<$2>")
					return anyTime.ReplaceAllString(told, "<time>")
				}
				return c.run(stdin, words(line)...).story()
			case "nodes":
				over = startNodes(outer, 1)
				return ""
			}
			d.Fatalf(t, "unknown step %s", d.Cmd)
			return ""
		})
	})
}

var madeID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// moving is what is not the same each time that a node is asked.
var moving = regexp.MustCompile(`("(time|lag_seconds|delivered_per_s|settled_per_s)":)("[^"]*"|[0-9.]+)`)

// anyTime is a time beside those that moving knows by name.
var anyTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z`)

// story is the result as testdata shows it.
func (r result) story() string {
	var b strings.Builder
	b.WriteString(r.out)
	for line := range strings.Lines(r.err) {
		b.WriteString("! " + strings.TrimSuffix(line, "\n") + "\n")
	}
	if r.status != exitDone {
		fmt.Fprintf(&b, "exit %d\n", r.status)
	}
	return madeID.ReplaceAllString(b.String(), "<new id>")
}

// words splits a line as a shell does, as far as quotes go.
func words(line string) []string {
	var all []string
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && r == ' ':
			if inWord {
				all = append(all, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		all = append(all, word.String())
	}
	return all
}
