package main

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/upcaster"
)

func newUpcasterCommand(c *console) *cobra.Command {
	cmd := newGroupCommand("upcaster", "Declare how old events are shown in today's shape")
	cmd.Long = `Declare how old events are shown in today's shape. docs/upcasters.md says what
can be in a file.

A change makes a new version and takes effect at once, everywhere. Nothing that
is stored changes. A JSON Schema can be put on a type and version, so that appends
that do not fit are refused; it is listed here, too.`
	show := newOfEither(func(class func() firn.DefinitionClass, _ func() []string) *cobra.Command {
		return newShowCommand(c, class)
	})
	show.Short = "Print the definition of an upcaster or a schema"
	rollback := newOfEither(func(class func() firn.DefinitionClass, flags func() []string) *cobra.Command {
		return newRollbackCommand(c, "upcaster", class, flags)
	})
	rollback.Short = "Define the text of an older version anew"
	undefine := newOfEither(func(class func() firn.DefinitionClass, flags func() []string) *cobra.Command {
		return newUndefineCommand(c, "upcaster", class, flags)
	})
	undefine.Short = "Delete an upcaster or a schema; its versions can still be shown, and rolled back to"
	cmd.AddCommand(newUpcasterCreateCommand(c), newUpcasterCheckCommand(c),
		newListCommand(c, "List the upcasters and the schemas", firn.UpcasterDefinition, firn.SchemaDefinition), show, rollback, undefine)
	return cmd
}

// newOfEither adds --schema to a command that is for upcasters and for schemas.
func newOfEither(command func(class func() firn.DefinitionClass, flags func() []string) *cobra.Command) *cobra.Command {
	var schema bool
	cmd := command(func() firn.DefinitionClass {
		if schema {
			return firn.SchemaDefinition
		}
		return firn.UpcasterDefinition
	}, func() []string {
		if schema {
			return []string{"--schema"}
		}
		return nil
	})
	cmd.Flags().BoolVar(&schema, "schema", false, "NAME is that of a schema")
	return cmd
}

type upcasterCreateOptions struct {
	changeFlags
	schema        string // file
	typ, category string
	version       uint64
}

func newUpcasterCreateCommand(c *console) *cobra.Command {
	var o upcasterCreateOptions
	cmd := &cobra.Command{
		Use:   "create FILE|- | create --schema FILE|- --type T --version N [--category C]",
		Short: "Define an upcaster, or a new version of it; or a JSON Schema for a type and version",
		Example: `  firn upcaster check order-shape.yaml && firn upcaster create order-shape.yaml
  firn upcaster create --schema placed.json --type OrderPlaced --version 3 --category order`,
		Args: args("[FILE]"),
		RunE: func(cmd *cobra.Command, words []string) error {
			d, err := o.definition(c, words)
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error { return s.define(&d) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.schema, "schema", "", "a file with a JSON Schema, instead of FILE")
	f.StringVar(&o.typ, "type", "", "with --schema: the type of the events that are to fit")
	f.Uint64Var(&o.version, "version", 0, "with --schema: the version of the type's shape")
	f.StringVar(&o.category, "category", "", "with --schema: only for streams of this category (default: all)")
	o.changeFlags.add(f, "any")
	return cmd
}

func (o *upcasterCreateOptions) definition(c *console, words []string) (d definitionChange, err error) {
	switch schema := o.schema != ""; {
	case schema == (len(words) > 0):
		return d, usage("give either FILE, or --schema FILE with --type and --version")
	case schema && (o.typ == "" || o.version == 0 || o.version > math.MaxUint32):
		return d, usage("--schema needs --type and --version, the type and version (1, 2, 3 …) of the events that are to fit")
	case schema:
		return o.schemaDefinition(c)
	case o.typ != "" || o.version != 0 || o.category != "":
		return d, usage("--type, --version and --category are for --schema; an upcaster says them itself")
	}
	text, stdin, err := c.readDefinition(words[0])
	if err != nil {
		return d, err
	}
	u, err := upcaster.Parse(text)
	if err != nil {
		return d, err
	}
	d, err = o.change(firn.UpcasterDefinition, "upcaster", "create", words[0])
	d.name, d.source, d.stdin = u.Name, text, stdin
	return d, err
}

func (o *upcasterCreateOptions) schemaDefinition(c *console) (d definitionChange, err error) {
	text, stdin, err := c.readDefinition(o.schema)
	if err != nil {
		return d, err
	}
	if _, err := upcaster.NewSchema(text); err != nil {
		return d, err
	}
	words := []string{"upcaster", "create", "--schema", o.schema, "--type", o.typ, "--version", fmt.Sprint(o.version)}
	var source jsonline.Object
	source.String("type", o.typ)
	source.Uint("version", o.version)
	if o.category != "" {
		source.String("category", o.category)
		words = append(words, "--category", o.category)
	}
	source.JSON("schema", jsonline.Compact(nil, text))
	d, err = o.change(firn.SchemaDefinition, words...)
	d.name, d.source, d.stdin = schemaName(o.category, o.typ, o.version), source.Bytes(), stdin
	return d, err
}

// schemaName makes the name of a schema of what it is for: "order.OrderPlaced.3".
// What a name may not hold is replaced; a hash then keeps two names apart.
func schemaName(category, typ string, version uint64) string {
	whole := fmt.Sprintf("%s.%d", typ, version)
	if category != "" {
		whole = category + "." + whole
	}
	name := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, whole)
	const hashed = "-0123456789abcdef"
	if name == whole && len(name) <= upcaster.NameBytesMax {
		return name
	}
	hash := sha256.Sum256([]byte(category + "\x00" + whole))
	return fmt.Sprintf("%s-%x", name[:min(len(name), upcaster.NameBytesMax-len(hashed))], hash[:8])
}
