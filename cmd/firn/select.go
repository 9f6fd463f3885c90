package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firndb/firn"
)

// consistencyFlags say which node may answer, and how much it must have seen.
type consistencyFlags struct {
	local   bool
	waitFor uint64
}

func (o *consistencyFlags) add(f *pflag.FlagSet) {
	f.BoolVar(&o.local, "local", false, "let the node addressed answer, without the leader; it may lag")
	f.Uint64Var(&o.waitFor, "wait-for", 0, "let the node addressed answer once it has applied this position")
}

func (o *consistencyFlags) consistency() firn.Consistency {
	return firn.Consistency{Local: o.local || o.waitFor > 0, AtLeast: firn.Position(o.waitFor)}
}

// targetFlags say which streams are read.
type targetFlags struct {
	stream   string // from the arguments
	all      bool
	category string
	id       string

	byID bool // an id can be given
}

func (o *targetFlags) add(f *pflag.FlagSet) {
	o.addFollowed(f)
	o.byID = true
	f.StringVar(&o.id, "id", "", "the events with this id, in every stream")
}

// addFollowed adds those that a subscription can follow.
func (o *targetFlags) addFollowed(f *pflag.FlagSet) {
	f.BoolVar(&o.all, "all", false, "every stream")
	f.StringVar(&o.category, "category", "", "every stream of this category (order for order-42)")
}

// selectFlags say which events of these streams are wanted.
type selectFlags struct {
	types, typePrefixes, streamPrefixes []string
}

func (o *selectFlags) add(f *pflag.FlagSet) {
	f.StringSliceVar(&o.types, "types", nil, "only events of these types, separated by commas; may be repeated")
	f.StringArrayVar(&o.typePrefixes, "type-prefix", nil, "only events whose type begins so, beside those of --types; may be repeated")
	f.StringArrayVar(&o.streamPrefixes, "stream-prefix", nil, "of several streams, only those whose name begins so; may be repeated")
}

func (o *selectFlags) apply(q *firn.Query) {
	q.Types, q.TypePrefixes, q.StreamPrefixes = o.types, o.typePrefixes, o.streamPrefixes
}

// query returns what the target selects.
func (o *targetFlags) query() (q firn.Query, err error) {
	q = firn.Query{Stream: o.stream, All: o.all, Category: o.category}
	given := 0
	for _, set := range []bool{o.stream != "", o.all, o.category != "", o.id != ""} {
		if set {
			given++
		}
	}
	if given != 1 {
		targets := "STREAM, --all, --category C"
		if o.byID {
			targets += ", --id UUID"
		}
		return q, usage("%d targets are given; name exactly one of %s", given, targets)
	}
	if o.id != "" {
		if q.ID, err = firn.ParseID(o.id); err == nil && q.ID.IsZero() {
			err = usage("--id %s: the zero UUID names no event", o.id)
		}
		if err != nil {
			return q, usage("--id %v", err)
		}
	}
	return q, q.Check()
}

// noteMoment says on stderr which position a moment was: an answer as of a
// moment names its position, and says when later events could still fall into it.
func (s *session) noteMoment(p firn.Point, c firn.Consistency) error {
	if p.Kind() != firn.PointMoment {
		return nil
	}
	at, open, err := s.db.Resolve(s.ctx, p, c)
	if err != nil || !open && s.print.format == "json" {
		return err
	}
	note := ""
	if open {
		note = "; later events could still fall into this moment"
	}
	_, err = fmt.Fprintf(s.err, "firn: as of %s, position %d%s\n", p, at, note)
	return err
}

// completeStreams offers the names of streams to a shell. It never fails: a
// shell without a cluster offers nothing.
func (c *console) completeStreams(cmd *cobra.Command, args []string, typed string) (names []string, _ cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p := newPatience(cmd.Context(), completionPatience)
	defer p.stop()
	db, err := c.dial(p.ctx, c.addr)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer db.Close()
	for info, err := range db.Streams(p.ctx, firn.StreamQuery{Prefix: typed, Limit: 50, Consistency: firn.Consistency{Local: true}}) {
		if err != nil {
			break
		}
		names = append(names, info.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
