package main

import (
	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/snapshot"
)

func newFoldCommand(c *console) *cobra.Command {
	class := func() firn.DefinitionClass { return firn.FoldDefinition }
	none := func() []string { return nil }
	show := newShowCommand(c, class)
	show.Short = "Print a fold's definition"
	rollback := newRollbackCommand(c, "fold", class, none)
	rollback.Short = "Define the text of an older version anew"
	undefine := newUndefineCommand(c, "fold", class, none)
	undefine.Short = "Delete a fold; its versions can still be shown, and rolled back to"
	cmd := newGroupCommand("fold", "Declare how events become state")
	cmd.Long = `Declare how events become state. docs/folds.md says what can be in a file.

A change makes a new version and takes effect at once, everywhere. States and
snapshots of the version before are not used any more.`
	cmd.AddCommand(newFoldCreateCommand(c), newFoldCheckCommand(c), newListCommand(c, "List the folds", firn.FoldDefinition), show, rollback, undefine)
	return cmd
}

func newFoldCreateCommand(c *console) *cobra.Command {
	var o changeFlags
	cmd := &cobra.Command{
		Use:   "create FILE|-",
		Short: "Define a fold, or a new version of it",
		Example: `  firn fold check cart.yaml && firn fold create cart.yaml
  firn fold create cart.yaml --expect 2`,
		Args: args("FILE"),
		RunE: func(cmd *cobra.Command, words []string) error {
			fold, text, stdin, err := c.readFold(words[0])
			if err != nil {
				return err
			}
			d, err := o.change(firn.FoldDefinition, "fold", "create", words[0])
			if err != nil {
				return err
			}
			d.name, d.source, d.stdin = fold.Name(), text, stdin
			return c.connected(cmd, func(s *session) error { return s.define(&d) })
		},
	}
	o.add(cmd.Flags(), "any")
	return cmd
}

// readFold reads a file and what it declares.
func (c *console) readFold(path string) (fold *snapshot.Declared, text, stdin []byte, err error) {
	if text, stdin, err = c.readDefinition(path); err == nil {
		fold, err = snapshot.Parse(text)
	}
	return fold, text, stdin, err
}
