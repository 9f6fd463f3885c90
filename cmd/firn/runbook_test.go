package main

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestRunbookScript holds what .ci/namespaces types against the runbook: commands
// and flags that docs/operations.md and docs/users.md show, and no others. What
// the script appends and reads to see that all is well is not part of it.
func TestRunbookScript(t *testing.T) {
	script, err := os.ReadFile("../../.ci/namespaces")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, name := range []string{"operations.md", "users.md"} {
		page, err := os.ReadFile("../../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
			for _, typed := range typedIn(t, strings.ReplaceAll(block[1], "\\\n", "")) {
				shown[typed] = true
			}
		}
	}
	// Two of its functions stand for how a node is started.
	text := regexp.MustCompile(`run \S+ \$\(composed \S+\)`).ReplaceAllString(string(script), "firn serve --bootstrap")
	text = regexp.MustCompile(`run \S+ serve \$\(own \S+\)`).ReplaceAllString(text, "firn serve")
	text = regexp.MustCompile(`"(--id [^"]*)"`).ReplaceAllString(text, "firn serve $1")
	typed := typedIn(t, text)
	for _, words := range typed {
		if !shown[words] && !strings.HasPrefix(words, "firn append") && !strings.HasPrefix(words, "firn read") {
			t.Errorf("the script types %q, which no page shows", words)
		}
	}
	for _, words := range []string{"firn serve --join", "firn serve --replica", "firn cluster remove", "firn backup", "firn restore --at", "firn user add --role"} {
		if !slices.Contains(typed, words) {
			t.Errorf("the script does not type %q, or this test does not see it", words)
		}
	}
}

// typedIn lists the commands in a text, and each flag of theirs behind its
// command. Flags that every command has are left out.
func typedIn(t *testing.T, text string) (all []string) {
	root := newRootCommand(newCLI(t).console("", new(bytes.Buffer), new(bytes.Buffer)))
	for _, line := range regexp.MustCompile(`\bfirn (?:--token-file \S+ )?([a-z][^|&;#>()\n]*)`).FindAllStringSubmatch(text, -1) {
		cmd, rest, err := root.Find(strings.Fields(line[1]))
		if err != nil || cmd == root {
			continue
		}
		all = append(all, cmd.CommandPath())
		for _, word := range rest {
			name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
			if strings.HasPrefix(word, "--") && root.PersistentFlags().Lookup(name) == nil {
				all = append(all, cmd.CommandPath()+" --"+name)
			}
		}
	}
	return all
}
