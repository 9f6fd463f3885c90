package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/internal/points"
)

type subscribeOptions struct {
	targetFlags
	selectFlags
	consistencyFlags
	from, history string
	untilCaughtUp bool
	marks         bool
	raw           bool
	system        bool
}

func newSubscribeCommand(c *console) *cobra.Command {
	var o subscribeOptions
	cmd := &cobra.Command{
		Use:   "subscribe [STREAM | --all | --category C]",
		Short: "Follow events as they are appended",
		Long: `Print events, first those that are there, then those that are appended, until
Ctrl-C. Where a node is lost it goes on at another one; no event is missed or
printed twice. --marks tells how far it has come; whoever keeps the position of a
mark goes on behind it with --from @POSITION+1 and --history.`,
		Example: `  firn subscribe --all --from end
  firn subscribe --category order --types OrderPlaced,OrderPaid --marks
  firn subscribe order-42 --until-caught-up`,
		Args:              args("[STREAM]"),
		ValidArgsFunction: c.completeStreams,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) > 0 {
				o.stream = words[0]
			}
			q, err := o.query(c)
			if err != nil {
				return err
			}
			return c.connected(cmd, func(s *session) error { return runSubscribe(s, q, &o) })
		},
	}
	f := cmd.Flags()
	o.targetFlags.addFollowed(f)
	o.selectFlags.add(f)
	f.StringVar(&o.from, "from", "", "first event, a point in time (default: start)")
	f.StringVar(&o.history, "history", "", "the history that the position in --from was noted in, as marks name it; it is an error if the store has another")
	f.BoolVar(&o.untilCaughtUp, "until-caught-up", false, "end once everything was printed that was committed when the command began")
	f.BoolVar(&o.marks, "marks", false, "also print how far it has come, and changes to streams as a whole")
	f.BoolVar(&o.raw, "raw", false, "as stored, not upcast")
	f.BoolVar(&o.system, "system", false, "also the system's streams, whose names begin with $")
	o.consistencyFlags.add(f)
	return cmd
}

func (o *subscribeOptions) query(c *console) (firn.Query, error) {
	q, err := o.targetFlags.query()
	if err != nil {
		return q, err
	}
	o.selectFlags.apply(&q)
	q.Raw, q.System, q.Consistency = o.raw, o.system, o.consistency()
	if o.history != "" {
		if q.History, err = firn.ParseID(o.history); err != nil {
			return q, usage("--history %v", err)
		}
	}
	if q.From, err = points.Parse("--from", o.from, q.Stream != "", c.now()); err != nil {
		return q, err
	}
	return q, q.CheckSubscribe()
}

// followedAhead is how many messages are taken while others are being printed.
const followedAhead = 1024

// message is one of a subscription's, or its end.
type message struct {
	firn.Message
	err error
}

func runSubscribe(s *session, q firn.Query, o *subscribeOptions) error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	messages := make(chan message, followedAhead)
	go func() {
		for m, err := range s.db.Subscribe(ctx, q) {
			select {
			case messages <- message{m, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	if o.marks {
		s.print.least = map[string]int{"type": len("(checkpoint)")} // the table is settled before they come
	}
	caughtUp := false
	for {
		m, err := s.nextMessage(messages, caughtUp)
		if err == nil {
			err = m.err
		}
		if err != nil {
			return s.followed(err)
		}
		if m.Mark == nil {
			err = s.event(&m.Event)
		} else if o.marks {
			err = s.print.mark(m.Mark)
		}
		if err != nil {
			return err
		}
		if m.Mark != nil && m.Mark.Kind == firn.CaughtUp {
			if o.untilCaughtUp {
				return nil
			}
			caughtUp = true
		}
	}
}

// nextMessage returns the next message. What was printed is shown before it is
// waited for. Once the subscription has caught up, waiting is no lack of
// progress: whether the cluster is lost, the client says.
func (s *session) nextMessage(messages <-chan message, caughtUp bool) (message, error) {
	select {
	case m := <-messages:
		return m, nil
	default:
	}
	if err := s.print.flush(); err != nil {
		return message{}, err
	}
	if !caughtUp {
		s.patience.moved()
	}
	defer s.patience.rest()
	select {
	case m := <-messages:
		return m, nil
	case <-s.ctx.Done():
		return message{}, s.ctx.Err()
	}
}

// followed says how a command that follows has ended: by Ctrl-C is as it should
// be.
func (s *session) followed(err error) error {
	if s.ctx.Err() != nil && !errors.Is(context.Cause(s.ctx), errOutOfPatience) {
		return nil
	}
	return err
}

// mark prints a mark among events.
func (p *printer) mark(m *firn.Mark) error {
	if p.format == "json" {
		var o jsonline.Object
		eventjson.Mark(&o, m)
		return p.line(o.Bytes())
	}
	when := ""
	if !m.Time.IsZero() {
		when = jsonline.FormatTime(m.Time)
	}
	return p.cells(eventColumns, []string{fmt.Sprint(m.At), m.Stream, "", when, "(" + m.Kind.String() + ")", eventjson.Change(m.Life)})
}
