package main

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
)

func newUserCommand(c *console) *cobra.Command {
	cmd := newGroupCommand("user", "See and change who may do what")
	cmd.Long = `See and change who may do what. docs/users.md says what the roles may do.

Without users everybody who reaches the nodes may do everything. The first user
must be an admin; from then on nobody else is let in.`
	undefine := newUndefineCommand(c, "user", func() firn.DefinitionClass { return firn.UserDefinition }, func() []string { return nil })
	undefine.Use, undefine.Short = "remove NAME", "Remove a user; what goes on on its behalf is cut off"
	cmd.AddCommand(newUserAddCommand(c), newUserUpdateCommand(c), newUserRotateCommand(c), undefine, newUserListCommand(c), newUserShowCommand(c), newUserTokenCommand(c))
	return cmd
}

// userFlags are those of the commands that change a user.
type userFlags struct {
	role       string
	streams    []string
	allStreams bool
	overlap    time.Duration
	noToken    bool
	hash       string
	id         string
}

func (o *userFlags) addRules(f *pflag.FlagSet) {
	f.StringVar(&o.role, "role", "", "read, write or admin")
	f.StringArrayVar(&o.streams, "streams", nil, "only streams whose names begin so; may be repeated (default: every stream)")
}

func (o *userFlags) addToken(f *pflag.FlagSet) {
	f.StringVar(&o.hash, "token-sha256", "", "the SHA-256 of a token that was made elsewhere, in hexadecimal (default: one is made, and shown)")
}

func (o *userFlags) addID(f *pflag.FlagSet) {
	f.StringVar(&o.id, "id", "", "the id of the change, a UUID (default: a new one); the same id again changes nothing more")
}

func newUserAddCommand(c *console) *cobra.Command {
	var o userFlags
	cmd := &cobra.Command{
		Use: "add NAME --role read|write|admin [--streams PREFIX …]", Short: "Add a user, and show its token",
		Example: `  firn user add boss --role admin
  firn user add shop --role write --streams order- --streams cart-`,
		Args: args("NAME"),
		RunE: func(cmd *cobra.Command, words []string) error {
			if o.role == "" {
				return usage("--role is missing; give read, write or admin")
			}
			if o.noToken && o.hash != "" {
				return usage("both --no-token and --token-sha256 are given; give one")
			}
			return o.run(c, cmd, "add", words[0], firn.None, !o.noToken)
		},
	}
	o.addRules(cmd.Flags())
	o.addToken(cmd.Flags())
	cmd.Flags().BoolVar(&o.noToken, "no-token", false, "without a token: only a client certificate proves who it is")
	o.addID(cmd.Flags())
	return cmd
}

func newUserUpdateCommand(c *console) *cobra.Command {
	var o userFlags
	cmd := &cobra.Command{
		Use: "update NAME [--role read|write|admin] [--streams PREFIX … | --all-streams]", Short: "Change what a user may do",
		Long: `Change what a user may do. What goes on on its behalf, subscriptions and
consumers, ends with an error, and can be begun anew. Its tokens stay.`,
		Example: `  firn user update shop --role read
  firn user update shop --streams order- --streams invoice-`,
		Args: args("NAME"),
		RunE: func(cmd *cobra.Command, words []string) error {
			if o.allStreams && len(o.streams) > 0 {
				return usage("both --streams and --all-streams are given; give one")
			}
			if o.role == "" && len(o.streams) == 0 && !o.allStreams {
				return usage("nothing is to change; give --role, --streams or --all-streams")
			}
			return o.run(c, cmd, "update", words[0], firn.Exists, false)
		},
	}
	o.addRules(cmd.Flags())
	cmd.Flags().BoolVar(&o.allStreams, "all-streams", false, "every stream")
	o.addID(cmd.Flags())
	return cmd
}

func newUserRotateCommand(c *console) *cobra.Command {
	var o userFlags
	cmd := &cobra.Command{
		Use: "rotate NAME [--overlap 24h]", Short: "Give a user a new token, and show it",
		Args: args("NAME"),
		RunE: func(cmd *cobra.Command, words []string) error {
			return o.run(c, cmd, "rotate", words[0], firn.Exists, true)
		},
	}
	cmd.Flags().DurationVar(&o.overlap, "overlap", 0, "how long the tokens before still hold (default: not at all)")
	o.addToken(cmd.Flags())
	o.addID(cmd.Flags())
	return cmd
}

// run makes the change, and shows the user, with the token that was made for it.
func (o *userFlags) run(c *console, cmd *cobra.Command, verb, name string, expect firn.Expectation, withToken bool) error {
	change := firn.UserChange{Overlap: o.overlap}
	d := definitionChange{class: firn.UserDefinition, name: name, expect: expect, id: firn.NewID()}
	var err error
	if o.role != "" {
		if change.Role, err = firn.ParseRole(o.role); err != nil {
			return err
		}
	}
	if o.id != "" {
		if d.id, err = firn.ParseID(o.id); err != nil {
			return usage("--id %v", err)
		}
	}
	if len(o.streams) > 0 || o.allStreams {
		change.Streams = &o.streams
	}
	token := ""
	switch {
	case o.hash != "":
		change.Token = new([32]byte)
		if b, err := hex.DecodeString(o.hash); err != nil || copy(change.Token[:], b) != len(b) || len(b) != 32 {
			return usage("--token-sha256 %.80q; want 64 hexadecimal digits", o.hash)
		}
	case withToken:
		token = firn.NewToken()
		hash := firn.TokenHash(token)
		change.Token = &hash
	}
	d.source = change.Source()
	if _, err := firn.ParseUserChange(d.source); err != nil {
		return err // before anything is asked
	}
	d.words = o.words(verb, name, &change)
	return c.connected(cmd, func(s *session) error { return s.changeUser(&d, token) })
}

// words are the command that makes the same change again.
func (o *userFlags) words(verb, name string, c *firn.UserChange) []string {
	words := []string{"user", verb, name}
	if o.role != "" {
		words = append(words, "--role", o.role)
	}
	for _, s := range o.streams {
		words = append(words, "--streams", s)
	}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"--all-streams", o.allStreams}, {"--no-token", o.noToken}} {
		if flag.set {
			words = append(words, flag.name)
		}
	}
	if c.Overlap > 0 {
		words = append(words, "--overlap", c.Overlap.String())
	}
	if c.Token != nil {
		words = append(words, "--token-sha256", hex.EncodeToString(c.Token[:]))
	}
	return words
}

// changeUser makes a change of a user. Where its outcome is unknown the token is
// shown all the same: the command that repeats the change does not know it.
func (s *session) changeUser(d *definitionChange, token string) error {
	done, err := s.db.DefineWithID(s.ctx, d.id, d.class, d.name, d.source, d.expect)
	if err != nil {
		err = unknownOutcome(err, []firn.ID{d.id}, func() string { return commandLine(append(d.words, "--id", d.id.String())) })
		if statusOf(err) == exitUnknown && token != "" {
			s.print.object(str("user", d.name), str("token", token))
		}
		return err
	}
	u, err := firn.ParseUser(&done)
	if err != nil {
		return err
	}
	fields := []field{str("user", u.Name), str("role", u.Role.String()), streamsField(&u)}
	if token != "" {
		fields = append(fields, str("token", token))
	}
	fields = append(fields, num("version", done.Version), num("position", done.Position), when("time", done.Time))
	if err := s.print.object(fields...); err != nil {
		return err
	}
	if token != "" && s.terminalErr {
		_, err = fmt.Fprintln(s.err, "The token is shown now, and never again.")
	}
	return err
}

func streamsField(u *firn.User) field {
	if len(u.Streams) == 0 {
		return field{"streams", "*", []byte("null")}
	}
	quoted := make([][]byte, len(u.Streams))
	for i, s := range u.Streams {
		quoted[i] = jsonline.AppendString(nil, s)
	}
	return field{"streams", strings.Join(u.Streams, " "), jsonline.List(quoted)}
}

func newUserListCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the users", Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.connected(cmd, func(s *session) error {
				all, err := s.db.Definitions(s.ctx, firn.UserDefinition, firn.Point{})
				if err != nil {
					return err
				}
				for i := range all {
					fields, err := s.userFields(&all[i])
					if err == nil {
						err = s.print.row(fields...)
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// userFields are a row of a list: the user, how many tokens are good, and who
// has made it so.
func (s *session) userFields(d *firn.Definition) ([]field, error) {
	if len(d.Source) == 0 {
		return []field{
			str("user", d.Name), str("role", ""), {"streams", "", []byte("null")}, num("tokens", 0),
			num("version", d.Version), when("time", d.Time), str("actor", d.Actor), boolean("removed", true),
		}, nil
	}
	u, err := firn.ParseUser(d)
	if err != nil {
		return nil, err
	}
	u.Tokens = slices.DeleteFunc(u.Tokens, func(t firn.UserToken) bool { return !t.Until.IsZero() && !t.Until.After(s.now()) })
	return []field{
		str("user", u.Name), str("role", u.Role.String()), streamsField(&u), num("tokens", len(u.Tokens)),
		num("version", d.Version), when("time", d.Time), str("actor", d.Actor), boolean("removed", false),
	}, nil
}

func newUserShowCommand(c *console) *cobra.Command {
	var versions bool
	cmd := &cobra.Command{
		Use: "show NAME [--versions]", Short: "Show a user, or what it was", Args: args("NAME"),
		RunE: func(cmd *cobra.Command, words []string) error {
			return c.connected(cmd, func(s *session) error {
				all, err := s.db.DefinitionVersions(s.ctx, firn.UserDefinition, words[0])
				if err != nil {
					return err
				}
				if !versions {
					return s.showUser(all)
				}
				for i := range all {
					fields, err := s.userFields(&all[i])
					if err == nil {
						err = s.print.row(fields...)
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&versions, "versions", false, "list what it was, and who has changed it")
	return cmd
}

func (s *session) showUser(all []firn.Definition) error {
	d, err := pickVersion(all, 0)
	if err != nil {
		return err
	}
	u, err := firn.ParseUser(d)
	if err != nil {
		return err
	}
	var tokens [][]byte
	text := "none"
	for i, t := range u.Tokens {
		fields := []field{when("made", t.Made), when("until", t.Until)}
		tokens = append(tokens, objectLine(fields))
		if i == 0 {
			text = ""
		} else {
			text += ", "
		}
		if text += "of " + fields[0].text; !t.Until.IsZero() {
			text += " until " + fields[1].text
		}
	}
	return s.print.object(
		str("user", u.Name), str("role", u.Role.String()), streamsField(&u), field{"tokens", text, jsonline.List(tokens)},
		num("version", d.Version), num("position", d.Position), when("time", d.Time), str("actor", d.Actor),
	)
}

func newUserTokenCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use: "token", Short: "Make a token, and nothing else", Args: args(),
		Long: `Make a token of 256 random bits and print it. Nothing else knows it: it is for
serve --admin-token-file, or for user add --token-sha256 with its SHA-256.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.local(cmd, func(s *session) error {
				_, err := fmt.Fprintln(s.print.w, firn.NewToken())
				return err
			})
		},
	}
}
