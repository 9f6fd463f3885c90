package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/function"
)

type consumeOptions struct {
	group           string
	parallel, batch int
	exec, post      string
	binary          bool
	secretFile      string
	untilCaughtUp   bool
}

// secretVariable holds the secret of a webhook. There is no flag for it: every
// user of a machine can read the command lines of the others.
const secretVariable = "FIRN_WEBHOOK_SECRET"

func newConsumeCommand(c *console) *cobra.Command {
	var o consumeOptions
	cmd := &cobra.Command{
		Use:   "consume NAME [--exec CMD | --post URL]",
		Short: "Be a consumer of a group: print its events, run a command or call a webhook for each",
		Long: `Be a consumer of a group, until Ctrl-C: print its events and acknowledge what was
printed, run a command for each (--exec), or send each to a webhook (--post). Any
number of consumers share the work.

A command finds the event on its standard input, as firn read prints it, and
FIRN_STREAM, FIRN_TYPE, FIRN_ID, FIRN_ATTEMPT and others in its environment. Exit
status 0 acknowledges. A webhook gets a CloudEvent by POST; a status of 2xx
acknowledges. With ` + secretVariable + ` (or --secret-file) requests are
signed. What fails comes again, and is parked after the group's last attempt; see
docs/functions.md.

On SIGTERM or Ctrl-C what has begun is finished, and the rest given back. Whatever
is not answered, also where this process dies, is delivered again.`,
		Example: `  firn consume billing --exec './bill.sh' --parallel 4
  firn consume mirror --post https://example.com/hook
  firn consume audit --until-caught-up > audit.ndjson`,
		Args:              args("NAME"),
		ValidArgsFunction: c.completeGroups,
		RunE: func(cmd *cobra.Command, words []string) error {
			o.group = words[0]
			if err := o.check(cmd.Flags().Changed("exec"), cmd.Flags().Changed("post")); err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error { return runConsume(s, &o) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.parallel, "parallel", 1, "events handled at a time; those of one stream come one after the other")
	f.IntVar(&o.batch, "batch", 1, "answers that may be sent together, and events taken ahead for it; their leases run meanwhile")
	f.StringVar(&o.exec, "exec", "", "run this command for each event, in a shell")
	f.StringVar(&o.post, "post", "", "send each event to this URL, as a CloudEvent; --timeout is that of one request")
	f.BoolVar(&o.binary, "binary", false, "with --post: in CloudEvents' binary mode instead of structured mode")
	f.StringVar(&o.secretFile, "secret-file", "", "with --post: sign with the secrets in this file, one a line (environment: "+secretVariable+")")
	f.BoolVar(&o.untilCaughtUp, "until-caught-up", false, "end once the group has passed everything that was committed when the command began")
	return cmd
}

func (o *consumeOptions) check(exec, post bool) error {
	switch {
	case exec && post:
		return usage("both --exec and --post are given; choose one")
	case exec && o.exec == "":
		return usage("--exec is empty; give a command")
	case post:
		return function.CheckURL(o.post)
	case o.binary || o.secretFile != "":
		return usage("--binary and --secret-file are for --post")
	}
	return nil
}

func runConsume(s *session, o *consumeOptions) error {
	errs := &shared{w: s.err}
	handle, err := s.consumer(o, errs)
	if err != nil {
		return err
	}
	if o.exec != "" || o.post != "" {
		defer context.AfterFunc(s.ctx, func() { fmt.Fprintln(errs, "firn: stopping, once what has begun is finished") })()
	}
	ctx, stop := context.WithCancelCause(s.ctx)
	defer stop(nil)
	s.patience.rest() // waiting for an event is no lack of progress; whether the cluster is lost, the client says
	var waiting sync.WaitGroup
	if o.untilCaughtUp {
		head, _, err := s.db.Head(ctx, firn.Consistency{})
		if err != nil {
			return err
		}
		waiting.Go(func() {
			_, err := s.db.WaitGroup(ctx, o.group, head)
			stop(err)
		})
	}
	log := slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	err = client.Handle(ctx, s.db, o.group, client.HandleOptions{Parallel: o.parallel, Batch: o.batch, Logger: log}, handle)
	stopped := context.Cause(ctx)
	stop(nil)
	waiting.Wait()
	if err == nil && s.ctx.Err() == nil && stopped != context.Canceled {
		err = stopped // the group could not be waited for
	}
	if err != nil {
		return s.followed(err)
	}
	return nil
}
