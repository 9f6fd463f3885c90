package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/points"
	"github.com/firndb/firn/snapshot"
	"github.com/firndb/firn/upcaster"
)

// definitionBytesMax is more than any definition may have, so that one which is
// too large is refused by those who know the limit.
const definitionBytesMax = 2 << 20

// readDefinition reads a file, or standard input for "-"; then stdin is what came.
func (c *console) readDefinition(path string) (text, stdin []byte, err error) {
	in := c.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, usage("%v", err)
		}
		defer f.Close()
		in = f
	}
	text, err = io.ReadAll(io.LimitReader(in, definitionBytesMax))
	if err != nil {
		return nil, nil, usage("%s cannot be read: %v", path, err)
	}
	if len(text) == 0 {
		if path == "-" {
			path = "standard input"
		}
		return nil, nil, usage("%s is empty; docs/folds.md and docs/upcasters.md say what is to be in it", path)
	}
	if path == "-" {
		stdin = text
	}
	return text, stdin, nil
}

// changeFlags are those of every command that changes a definition.
type changeFlags struct {
	expect, id string
}

func (o *changeFlags) add(f *pflag.FlagSet, expect string) {
	f.StringVar(&o.expect, "expect", "", "what must be true of the definition: any, none, exists or its version (default: "+expect+")")
	f.StringVar(&o.id, "id", "", "the id of the change, a UUID (default: a new one); the same id again changes nothing more")
}

// definitionChange is one call of Define, and the words that repeat it.
type definitionChange struct {
	class  firn.DefinitionClass
	name   string
	source []byte // empty: it ends
	expect firn.Expectation
	id     firn.ID
	words  []string
	stdin  []byte // what stood for the first "-" of the words
}

// change checks the flags.
func (o *changeFlags) change(class firn.DefinitionClass, words ...string) (d definitionChange, err error) {
	d = definitionChange{class: class, words: words}
	if o.expect != "" {
		if d.expect, err = firn.ParseExpectation(o.expect); err != nil {
			return d, usage("--expect: %v", err)
		}
	}
	if o.id == "" {
		d.id = firn.NewID() // made here, so that an unknown outcome can be repeated
	} else if d.id, err = firn.ParseID(o.id); err != nil {
		return d, usage("--id %v", err)
	}
	return d, nil
}

// define makes the change and prints what is defined then.
func (s *session) define(d *definitionChange) error {
	done, err := s.db.DefineWithID(s.ctx, d.id, d.class, d.name, d.source, d.expect)
	if err != nil {
		return unknownOutcome(err, []firn.ID{d.id}, func() string {
			if i := slices.Index(d.words, "-"); i >= 0 && d.stdin != nil {
				d.words[i] = keepDefinition(d.stdin)
			}
			return commandLine(append(d.words, "--expect", d.expect.String(), "--id", d.id.String()))
		})
	}
	return s.print.object(
		str("class", done.Class.String()), str("name", done.Name), num("version", done.Version),
		num("position", done.Position), when("time", done.Time), boolean("ended", len(done.Source) == 0),
	)
}

// keepDefinition writes what came from standard input where the command that
// repeats a change can read it again.
func keepDefinition(text []byte) string {
	f, err := os.CreateTemp("", "firn-repeat-*")
	if err != nil {
		return "-"
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return "-"
	}
	return f.Name()
}

// newListCommand lists what is defined in some classes.
func newListCommand(c *console, short string, classes ...firn.DefinitionClass) *cobra.Command {
	var at string
	cmd := &cobra.Command{
		Use: "list", Short: short, Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			bound, err := points.Parse("--at", at, false, c.now())
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error {
				for _, class := range classes {
					all, err := s.db.Definitions(s.ctx, class, bound)
					if err != nil {
						return err
					}
					for i := range all {
						if err := s.print.row(definitionFields(&all[i])...); err != nil {
							return err
						}
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&at, "at", "", "what was defined as of this point in time")
	return cmd
}

func definitionFields(d *firn.Definition) []field {
	return []field{
		str("class", d.Class.String()), str("name", d.Name), str("category", categoryOf(d)), num("version", d.Version),
		num("position", d.Position), when("time", d.Time), str("actor", d.Actor),
	}
}

// categoryOf is what a definition says it is for; "": every stream, or a text
// that this program cannot read.
func categoryOf(d *firn.Definition) string {
	switch d.Class {
	case firn.FoldDefinition:
		if fold, err := snapshot.Parse(d.Source); err == nil {
			return fold.Category()
		}
	case firn.UpcasterDefinition:
		if u, err := upcaster.Parse(d.Source); err == nil {
			return u.Category
		}
	case firn.SchemaDefinition:
		var fields struct{ Category string }
		if json.Unmarshal(d.Source, &fields) == nil {
			return fields.Category
		}
	}
	return ""
}

// newShowCommand prints one definition, or what versions of it there are.
func newShowCommand(c *console, class func() firn.DefinitionClass) *cobra.Command {
	var version uint64
	var versions bool
	cmd := &cobra.Command{
		Use: "show NAME", Args: args("NAME"),
		RunE: func(cmd *cobra.Command, words []string) error {
			if given := cmd.Flags().Changed("version"); given && version == 0 {
				return usage("--version 0; versions count from 1")
			} else if given && versions {
				return usage("--versions lists all; give it without --version")
			}
			return c.connected(cmd, func(s *session) error {
				all, err := s.db.DefinitionVersions(s.ctx, class(), words[0])
				if err != nil {
					return err
				}
				if versions {
					return s.listVersions(all)
				}
				d, err := pickVersion(all, version)
				if err != nil {
					return err
				}
				return s.showDefinition(d)
			})
		},
	}
	cmd.Flags().Uint64Var(&version, "version", 0, "an older version (default: the one in force)")
	cmd.Flags().BoolVar(&versions, "versions", false, "list the versions that there are")
	return cmd
}

func (s *session) listVersions(all []firn.Definition) error {
	for i := range all {
		fields := append(definitionFields(&all[i]), boolean("ended", len(all[i].Source) == 0))
		if err := s.print.row(fields...); err != nil {
			return err
		}
	}
	return nil
}

// showDefinition prints the text as it was given, or all about it as JSON.
func (s *session) showDefinition(d *firn.Definition) error {
	if s.print.format == "json" {
		return s.print.object(append(definitionFields(d), str("source", string(d.Source)))...)
	}
	s.print.w.Write(d.Source)
	if d.Source[len(d.Source)-1] != '\n' {
		s.print.w.WriteByte('\n')
	}
	return s.print.w.Flush()
}

// pickVersion finds a version that defines something; 0 is the newest.
func pickVersion(all []firn.Definition, version uint64) (*firn.Definition, error) {
	newest := &all[len(all)-1]
	if version == 0 {
		version = newest.Version
	}
	i := slices.IndexFunc(all, func(d firn.Definition) bool { return d.Version == version })
	if i < 0 {
		return nil, firn.Errorf(firn.ErrNotFound, "the %s %s has no version %d; the newest is %d", newest.Class, newest.Name, version, newest.Version)
	}
	if d := &all[i]; len(d.Source) > 0 {
		return d, nil
	}
	hint := ""
	if i > 0 {
		hint = fmt.Sprintf("; version %d is the one before", all[i-1].Version)
	}
	return nil, firn.Errorf(firn.ErrNotFound, "the %s %s was deleted with version %d%s", newest.Class, newest.Name, version, hint)
}

// newRollbackCommand defines an older version's text anew.
func newRollbackCommand(c *console, group string, class func() firn.DefinitionClass, flags func() []string) *cobra.Command {
	var o changeFlags
	cmd := &cobra.Command{
		Use: "rollback NAME VERSION", Args: args("NAME", "VERSION"),
		RunE: func(cmd *cobra.Command, words []string) error {
			version, err := parseVersion(words[1])
			if err != nil {
				return err
			}
			d, err := o.change(class(), append([]string{group, "rollback", words[0], words[1]}, flags()...)...)
			if err != nil {
				return err
			}
			d.name = words[0]
			return c.connected(cmd, func(s *session) error { return s.rollback(&d, version, o.expect == "") })
		},
	}
	o.add(cmd.Flags(), "the version that is in force when the command begins")
	return cmd
}

func (s *session) rollback(d *definitionChange, version uint64, expectNewest bool) error {
	all, err := s.db.DefinitionVersions(s.ctx, d.class, d.name)
	if err != nil {
		return err
	}
	old, err := pickVersion(all, version)
	if err != nil {
		return err
	}
	newest := &all[len(all)-1]
	if old == newest {
		return usage("version %d of the %s %s is in force already", version, d.class, d.name)
	}
	if expectNewest {
		if d.expect = firn.At(firn.Revision(newest.Version)); len(newest.Source) == 0 {
			d.expect = firn.None
		}
	}
	d.source = old.Source
	return s.define(d)
}

func parseVersion(word string) (uint64, error) {
	e, err := firn.ParseExpectation(word)
	version, exact := e.Exact()
	if err != nil || !exact || version == 0 {
		return 0, usage("VERSION %.64q; want 1, 2, 3 …", word)
	}
	return uint64(version), nil
}

// newUndefineCommand ends a definition.
func newUndefineCommand(c *console, group string, class func() firn.DefinitionClass, flags func() []string) *cobra.Command {
	var o changeFlags
	cmd := &cobra.Command{
		Use: "delete NAME", Args: args("NAME"),
		RunE: func(cmd *cobra.Command, words []string) error {
			d, err := o.change(class(), append([]string{group, "delete", words[0]}, flags()...)...)
			if err != nil {
				return err
			}
			d.name = words[0]
			return c.connected(cmd, func(s *session) error { return s.define(&d) })
		},
	}
	o.add(cmd.Flags(), "any")
	return cmd
}
