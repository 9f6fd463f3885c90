package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
)

// addrDefault is where firn up puts its three nodes.
const addrDefault = "127.0.0.1:7400,127.0.0.1:7401,127.0.0.1:7402"

// completionPatience is how long a shell waits for names after the tab key.
const completionPatience = time.Second

// console is what a command line stands on: everything that a test replaces.
type console struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	now      func() time.Time

	terminalIn, terminalOut, terminalErr bool
	width                                int // of the terminal that out is; 0: not known

	dial   func(ctx context.Context, addrs string) (store, error)
	launch launcher

	// Set by the flags that every command has.
	addr    string
	tls     client.Certificates
	timeout time.Duration
	output  string
	tokens  tokenFlags
}

func newConsole() *console {
	c := &console{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		env: os.Getenv, now: time.Now,
		terminalIn:  term.IsTerminal(int(os.Stdin.Fd())),
		terminalOut: term.IsTerminal(int(os.Stdout.Fd())),
		terminalErr: term.IsTerminal(int(os.Stderr.Fd())),
		launch:      nodeLauncher{},
	}
	c.dial = c.dialCluster
	if c.terminalOut {
		c.width, _, _ = term.GetSize(int(os.Stdout.Fd()))
	}
	return c
}

func (c *console) globalFlags(root *cobra.Command) {
	addr := addrDefault
	if set := c.env("FIRN_ADDR"); set != "" {
		addr = set
	}
	f := root.PersistentFlags()
	f.StringVar(&c.addr, "addr", addr, "nodes to ask, host:port separated by commas (environment: FIRN_ADDR)")
	f.Lookup("addr").DefValue = addrDefault
	c.tlsFlags(f)
	f.DurationVar(&c.timeout, "timeout", 10*time.Second, "give up after this long; where much is read or written, after this long without progress")
	f.StringVarP(&c.output, "output", "o", "", "table, json or text (default: table on a terminal, else json)")
	c.tokens.add(root)
	root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "text"}, cobra.ShellCompDirectiveNoFileComp))
}

// actorFlag adds the flag that says who causes what is appended.
func (c *console) actorFlag(f *pflag.FlagSet, actor *string) {
	f.StringVar(actor, "actor", c.env("FIRN_ACTOR"), "who causes it, put into metadata that names no actor (environment: FIRN_ACTOR)")
	f.Lookup("actor").DefValue = ""
}

// timeoutMargin is the part of --timeout that is waited longer here, so that
// the client gives up first: it knows which node did not answer, and whether
// something may have been done.
const timeoutMargin = 10

// session is one command at work: the store it talks to and where it prints.
type session struct {
	*console
	ctx      context.Context
	db       store
	print    *printer
	patience *patience
}

// local runs a command that needs no store.
func (c *console) local(cmd *cobra.Command, run func(*session) error) error {
	print, err := c.newPrinter()
	if err != nil {
		return err
	}
	s := &session{console: c, ctx: cmd.Context(), print: print}
	if err := run(s); err != nil {
		print.flush() // what was printed before the failure stays
		return err
	}
	return print.flush()
}

// connected runs a command against the store at --addr.
func (c *console) connected(cmd *cobra.Command, run func(*session) error) error {
	return c.local(cmd, func(s *session) error {
		if c.timeout <= 0 {
			return usage("--timeout %s; give a time above 0, like 10s", c.timeout)
		}
		s.patience = newPatience(s.ctx, c.timeout+c.timeout/timeoutMargin)
		defer s.patience.stop()
		s.ctx = s.patience.ctx
		db, err := c.dial(s.ctx, c.addr)
		if errors.Is(err, firn.ErrUnavailable) {
			return fmt.Errorf("%w; is the cluster running? (firn up starts one, --addr names its nodes)", err)
		}
		if err != nil {
			return s.patience.explain(err)
		}
		defer db.Close()
		s.patience.moved() // the client's own time begins with the call, and is to end first
		s.db = db
		return s.patience.explain(run(s))
	})
}
