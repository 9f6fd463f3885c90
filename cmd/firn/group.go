package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newGroupCommand is a command that only has subcommands. Alone it prints its
// help; an unknown word after it is refused with what was probably meant.
func newGroupCommand(use, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short,
		SuggestionsMinimumDistance: 2,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			hint := "; see " + cmd.CommandPath() + " help"
			if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
				hint = "; did you mean " + strings.Join(similar, " or ") + "?"
			}
			return usage("there is no command %q in %s%s", args[0], cmd.CommandPath(), hint)
		},
	}
	cmd.Args = cobra.ArbitraryArgs
	return cmd
}

// args makes a check of how many words a command takes. names says what they
// are; words in brackets may be left out.
func args(names ...string) cobra.PositionalArgs {
	least := 0
	for _, n := range names {
		if !strings.HasPrefix(n, "[") {
			least++
		}
	}
	return func(cmd *cobra.Command, given []string) error {
		switch {
		case len(given) < least:
			return usage("%s is missing; usage: %s", names[len(given)], cmd.UseLine())
		case len(given) > len(names):
			return usage("%q is one word too many (a name with spaces needs quotes); usage: %s", given[len(names)], cmd.UseLine())
		}
		return nil
	}
}

// flagError adds to the error of a flag which flag was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	message := err.Error()
	if name, ok := strings.CutPrefix(message, "unknown flag: --"); ok {
		best, distance := "", 3
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if d := editDistance(name, f.Name); d < distance || strings.HasPrefix(f.Name, name) && best == "" {
				best, distance = f.Name, min(d, distance)
			}
		})
		if best != "" {
			return usage("%s has no flag --%s; did you mean --%s?", cmd.CommandPath(), name, best)
		}
		return usage("%s has no flag --%s; see %s --help", cmd.CommandPath(), name, cmd.CommandPath())
	}
	return usage("%s; see %s --help", message, cmd.CommandPath())
}

// editDistance is the least number of letters to insert, delete or replace.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(above+1, row[j]+1, replace)
			diagonal = above
		}
	}
	return row[len(b)]
}
