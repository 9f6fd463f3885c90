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
			return unknownCommand(cmd, args[0])
		},
	}
	cmd.Args = cobra.ArbitraryArgs
	return cmd
}

func unknownCommand(group *cobra.Command, word string) error {
	hint := "; see " + group.CommandPath() + " --help"
	if similar := group.SuggestionsFor(word); len(similar) > 0 {
		hint = "; did you mean " + strings.Join(similar, " or ") + "?"
	}
	return usage("there is no command %q in %s%s", word, group.CommandPath(), hint)
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

// flagError says which flag was probably meant. A group of commands is only
// asked to parse flags of others where the word before them is no command.
func flagError(cmd *cobra.Command, err error, line []string) error {
	if cmd.HasSubCommands() {
		if word := firstWord(cmd, line); word != "" {
			return unknownCommand(cmd, word)
		}
	}
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

// firstWord is the first word of a command line behind the path to a group that
// is neither a flag nor a flag's value.
func firstWord(group *cobra.Command, line []string) string {
	path := strings.Fields(group.CommandPath())[1:]
	for i := 0; i < len(line); i++ {
		word := line[i]
		switch flag := group.PersistentFlags().Lookup(strings.TrimLeft(word, "-")); {
		case word == "-o", strings.HasPrefix(word, "--") && flag != nil && flag.NoOptDefVal == "":
			i++ // and its value
		case strings.HasPrefix(word, "-"):
		case len(path) > 0 && path[0] == word:
			path = path[1:]
		default:
			return word
		}
	}
	return ""
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
