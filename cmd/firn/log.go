package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/internal/points"
	"github.com/firndb/firn/snapshot"
	"github.com/firndb/firn/snapshot/history"
)

type logOptions struct {
	pastFlags
	from            string
	limit           uint64
	patch, occurred bool
	stream          string
	start, end      firn.Point
}

func newLogCommand(c *console) *cobra.Command {
	var o logOptions
	cmd := newPastCommand(c, "log STREAM", "Show what happened in a stream, an event a line", "STREAM")
	cmd.Long = `Show what happened in a stream, one line an event: revision, time, type, who caused
it, and its data. With -p each is followed by what it changed in the state. As JSON
it is the events as firn read prints them, with -p each with its "change", a JSON
Patch (RFC 6902).`
	cmd.Example = `  firn log order-42
  firn log order-42 -p --from 3`
	cmd.RunE = func(cmd *cobra.Command, words []string) error {
		o.stream = words[0]
		var err error
		if o.start, err = points.Parse("--from", o.from, true, c.now()); err != nil {
			return err
		}
		if o.end, err = points.Parse("--at", o.at, true, c.now()); err != nil {
			return err
		}
		return c.connected(cmd, func(s *session) error { return runLog(s, o) })
	}
	f := cmd.Flags()
	f.BoolVarP(&o.patch, "patch", "p", false, "also what each event changed in the state")
	f.StringVar(&o.from, "from", "", "first event, a point in time (default: start)")
	f.Uint64Var(&o.limit, "limit", 0, "at most so many events (default: no limit)")
	f.BoolVar(&o.occurred, "occurred", false, "show when events occurred, where that is not when they were recorded")
	o.add(f)
	return cmd
}

func runLog(s *session, o logOptions) error {
	if err := s.noteMoment(o.end, o.consistency()); err != nil {
		return err
	}
	q := firn.Query{Stream: o.stream, From: o.start, Bound: o.end, Limit: o.limit, Consistency: o.consistency()}
	if err := q.Check(); err != nil {
		return err
	}
	if !o.patch {
		return each(s.patience, s.db.Read(s.ctx, q), func(e *firn.Event) error { return s.happened(e, o.occurred) })
	}
	entries, err := changes(s, q, o.fold)
	if err != nil {
		return err
	}
	return each(s.patience, entries, func(e *history.Entry) error {
		if s.print.format == "json" {
			var line jsonline.Object
			eventjson.Event(&line, &e.Event)
			line.JSON("change", e.Change.JSON())
			return s.print.line(line.Bytes())
		}
		if err := s.happened(&e.Event, o.occurred); err != nil {
			return err
		}
		s.print.patch("    ", e.Change)
		return nil
	})
}

// happened prints an event of a log.
func (s *session) happened(e *firn.Event, occurred bool) error {
	if s.print.format == "json" {
		return s.event(e)
	}
	shown := *e
	if occurred && !e.Occurred.IsZero() {
		shown.Time = e.Occurred
	}
	line := history.Line(&shown)
	if s.print.format == "table" && s.print.width > 0 {
		if runes := []rune(line); len(runes) > s.print.width {
			line = string(runes[:s.print.width-1]) + "…"
		}
	}
	_, err := fmt.Fprintln(s.print.w, line)
	if err != nil || e.Fault == nil {
		return err
	}
	return s.noteFault(e)
}

// changes yields what each event that the query selects did to the state. The
// node computes the state before the first of them, and this side goes on.
func changes(s *session, q firn.Query, name string) (iter.Seq2[history.Entry, error], error) {
	end, err := s.db.State(s.ctx, firn.StateQuery{Stream: q.Stream, Fold: name, At: q.Bound, Consistency: q.Consistency})
	if err != nil {
		return nil, err
	}
	fold, err := foldNamed(s, end.Fold)
	if err != nil {
		return nil, err
	}
	first := q
	first.Bound, first.Limit = firn.PositionPoint(end.Past), 1
	if end.Empty {
		return func(func(history.Entry, error) bool) {}, nil
	}
	source := &statesOfNode{s: s, fold: end.Fold, query: first, end: &end}
	p := history.Past{Fold: fold, Source: source, End: uint64(end.Revision) + 1}
	p.Begin = p.End
	for e, err := range s.db.Read(s.ctx, first) {
		if err != nil {
			return nil, err
		}
		p.Begin = uint64(e.Revision)
	}
	return limited(p.Log(s.ctx, p.Begin), q.Limit), nil
}

func limited[T any](seq iter.Seq2[T, error], limit uint64) iter.Seq2[T, error] {
	if limit == 0 {
		return seq
	}
	return func(yield func(T, error) bool) {
		left := limit
		for item, err := range seq {
			if left--; !yield(item, err) || err != nil || left == 0 {
				return
			}
		}
	}
}

// foldNamed returns a fold as the cluster has it.
func foldNamed(s *session, name string) (snapshot.Fold, error) {
	if name == firn.MergeFold {
		return snapshot.Merge, nil
	}
	all, err := s.db.Definitions(s.ctx, firn.FoldDefinition, firn.Point{})
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.Name == name {
			return snapshot.Parse(d.Source)
		}
	}
	return nil, firn.Errorf(firn.ErrNotFound, "the fold %s was deleted meanwhile", name)
}

// statesOfNode is a stream's past as a node computes it.
type statesOfNode struct {
	s     *session
	fold  string
	query firn.Query // of the stream, bounded
	end   *firn.StreamState
}

// State is [history.Source.State].
func (n *statesOfNode) State(ctx context.Context, end uint64) (snapshot.Computed, error) {
	q := firn.StateQuery{Stream: n.query.Stream, Fold: n.fold, At: firn.StartPoint(), Consistency: n.query.Consistency}
	if end > uint64(n.end.Begun) {
		q.At = firn.RevisionPoint(firn.Revision(end - 1))
	}
	state, err := n.s.db.State(ctx, q)
	return snapshot.Computed{State: state.State}, err
}

// Events is [history.Source.Events].
func (n *statesOfNode) Events(ctx context.Context, from, end uint64) iter.Seq2[firn.Event, error] {
	q := n.query
	q.From, q.Limit = firn.RevisionPoint(firn.Revision(from)), end-from
	return n.s.db.Read(ctx, q)
}
