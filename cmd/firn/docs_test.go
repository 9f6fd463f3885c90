package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/cli.md anew")

const (
	cliPage   = "../../docs/cli.md"
	cliMarker = "<!-- Below: go test ./cmd/firn -run TestCLIPage -update -->\n"
)

// TestCLIPage holds docs/cli.md against the commands. What stands above the
// marker is written by hand.
func TestCLIPage(t *testing.T) {
	page, err := os.ReadFile(cliPage)
	if err != nil {
		t.Fatal(err)
	}
	above, _, found := strings.Cut(string(page), cliMarker)
	if !found {
		t.Fatalf("docs/cli.md has no line %s", cliMarker)
	}
	want := above + cliMarker + reference()
	if *update {
		if err := os.WriteFile(cliPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(page) {
		t.Error("docs/cli.md is not what the commands say; run: go test ./cmd/firn -run TestCLIPage -update")
	}
}

// reference is the part of the page that the commands write.
func reference() string {
	var b strings.Builder
	root := newRootCommand(newCLI(&testing.T{}).console("", new(bytes.Buffer), new(bytes.Buffer)))
	b.WriteString("\n## Flags of every command\n\n")
	flagTable(&b, root.PersistentFlags())
	eachCommand(root, func(cmd *cobra.Command) {
		if cmd == root || cmd.Hidden {
			return
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n```\n%s\n```\n", cmd.CommandPath(), strings.TrimSuffix(cmd.Short, "."), cmd.UseLine())
		if cmd.Long != "" {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", cmd.Long)
		}
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\nExamples:\n\n```\n%s\n```\n", cmd.Example)
		}
		if cmd.LocalNonPersistentFlags().HasAvailableFlags() {
			b.WriteString("\n")
			flagTable(&b, cmd.LocalNonPersistentFlags())
		}
	})
	return b.String()
}

func flagTable(b *strings.Builder, f *pflag.FlagSet) {
	b.WriteString("| flag | means |\n|---|---|\n")
	f.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if kind, _ := pflag.UnquoteUsage(f); kind != "" {
			name += " " + kind
		}
		text := f.Usage
		if d := f.DefValue; d != "" && d != "0" && d != "false" && d != "[]" && !strings.Contains(text, "default") {
			text += " (default: " + d + ")"
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", name, strings.ReplaceAll(text, "|", `\|`))
	})
}

// TestHelp holds that every command explains itself, and that help is no error.
func TestHelp(t *testing.T) {
	c := newCLI(t)
	for _, words := range [][]string{{}, {"help"}, {"--help"}, {"help", "append"}, {"cluster"}, {"completion", "bash"}} {
		if r := c.run("", words...); r.status != exitDone || r.out == "" || r.err != "" {
			t.Errorf("firn %v: exit %d, %d bytes on stdout, %q on stderr", words, r.status, len(r.out), r.err)
		}
	}
	eachCommand(newRootCommand(c.console("", new(bytes.Buffer), new(bytes.Buffer))), func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s does not say what it does", cmd.CommandPath())
		}
	})
}
