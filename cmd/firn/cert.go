package main

import (
	"github.com/spf13/cobra"

	"github.com/firndb/firn/internal/certificate"
	"github.com/firndb/firn/internal/jsonline"
)

type certOptions struct {
	dir  string
	days int
	certificate.Request
}

func newCertCommand(c *console) *cobra.Command {
	cmd := newGroupCommand("cert", "Make and look at certificates")
	cmd.Long = `Make and look at the certificates by which nodes and users know each other.

They lie in one directory: ca.crt, the authority that all trust; ca.key, which
signs, and which no node needs; node-ID.crt and node-ID.key; user-NAME.crt and
user-NAME.key. A node gets ca.crt and its own two files (firn serve --tls DIR), a
user ca.crt and the user's two (--tls-ca, --tls-cert, --tls-key). Files that are
there are not overwritten.`
	cmd.AddCommand(newCertCACommand(c), newCertNodeCommand(c), newCertUserCommand(c), newCertShowCommand(c))
	return cmd
}

func newCertCACommand(c *console) *cobra.Command {
	var o certOptions
	cmd := &cobra.Command{
		Use: "ca [--dir D]", Short: "Make the authority that signs a cluster's certificates", Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.local(cmd, func(s *session) error {
				e, err := certificate.CreateAuthority(o.dir, s.now(), o.days)
				return s.printCert(e, err)
			})
		},
	}
	o.flags(cmd, certificate.AuthorityDays)
	return cmd
}

func newCertNodeCommand(c *console) *cobra.Command {
	var o certOptions
	cmd := &cobra.Command{
		Use:   "node ID --host H [--host …] [--dir D]",
		Short: "Make a node's certificate",
		Long: `Make the certificate of the node ID. Clients take it for the hosts that are
named: give every name and IP address by which they connect to the node. Other
nodes look at its id alone.`,
		Args: args("ID"),
		RunE: func(cmd *cobra.Command, words []string) error { return o.issue(c, cmd, certificate.Node, words[0]) },
	}
	o.flags(cmd, certificate.SubjectDays)
	cmd.Flags().StringSliceVar(&o.Hosts, "host", nil, "a name or an IP address by which clients connect; may be repeated")
	cmd.Flags().BoolVar(&o.Renew, "renew", false, "put a new certificate and key in place of those that are there, for the same hosts unless --host names others")
	return cmd
}

func newCertUserCommand(c *console) *cobra.Command {
	var o certOptions
	cmd := &cobra.Command{
		Use: "user NAME [--dir D]", Short: "Make a user's certificate", Args: args("NAME"),
		RunE: func(cmd *cobra.Command, words []string) error { return o.issue(c, cmd, certificate.User, words[0]) },
	}
	o.flags(cmd, certificate.SubjectDays)
	cmd.Flags().BoolVar(&o.Renew, "renew", false, "put a new certificate and key in place of those that are there")
	return cmd
}

func newCertShowCommand(c *console) *cobra.Command {
	var o certOptions
	cmd := &cobra.Command{
		Use: "show [--dir D]", Short: "List certificates, whose they are, and when they expire", Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.local(cmd, func(s *session) error { return runCertShow(s, o.dir) })
		},
	}
	o.dirFlag(cmd)
	return cmd
}

func (o *certOptions) dirFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dir, "dir", "firn-certs", "where the certificates lie")
}

func (o *certOptions) flags(cmd *cobra.Command, days int) {
	o.dirFlag(cmd)
	cmd.Flags().IntVar(&o.days, "days", days, "how long it holds")
}

func (o *certOptions) issue(c *console, cmd *cobra.Command, kind certificate.Kind, name string) error {
	return c.local(cmd, func(s *session) error {
		o.Subject, o.Days = certificate.Subject{Kind: kind, Name: name}, o.days
		if o.days == 0 {
			return usage("--days 0; give 1 or more")
		}
		if err := o.Subject.Check(); err != nil {
			return err
		}
		authority, err := certificate.OpenAuthority(o.dir)
		if err != nil {
			return err
		}
		e, err := authority.Issue(o.dir, s.now(), o.Request)
		return s.printCert(e, err)
	})
}

func (s *session) printCert(e certificate.Entry, err error) error {
	if err != nil {
		return err
	}
	return s.print.object(certFields(&e)...)
}

func runCertShow(s *session, dir string) error {
	entries, err := certificate.List(dir, s.now())
	if err != nil {
		return err
	}
	for i := range entries {
		if err := s.print.row(certFields(&entries[i])...); err != nil {
			return err
		}
	}
	return nil
}

func certFields(e *certificate.Entry) []field {
	hosts := make([][]byte, len(e.Hosts))
	text := ""
	for i, host := range e.Hosts {
		hosts[i] = jsonline.AppendString(nil, host)
		if text += host; i < len(e.Hosts)-1 {
			text += " "
		}
	}
	return []field{
		str("kind", e.Kind), str("name", e.Name), str("file", e.File), str("key", e.Key),
		{"hosts", text, jsonline.List(hosts)},
		when("expires", e.Until), num("days", e.Days), str("problem", e.Problem),
	}
}
