package main

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/dump"
	"github.com/firndb/firn/server"
)

type dumpOptions struct {
	engine, raft, whole bool
	keys                []string
	from                string
	limit               uint64
}

// dumpPayloadMax is how many bytes of a payload are shown without --whole.
const dumpPayloadMax = 256

func newDumpCommand(c *console) *cobra.Command {
	var o dumpOptions
	cmd := &cobra.Command{
		Use:   "dump DIR [--engine | --raft] [--from KEY|INDEX]",
		Short: "Print the keys and Raft entries of a stopped node",
		Long: `Print what lies in the data directory of a node that does not run, and change
nothing there: every key of its store, then its Raft log, each entry with the
commands that it carries. One line an item: the part, the kind, name=value with
each value in JSON, and the key in hexadecimal. The pages of docs/formats say what
each is.

What is damaged is a line with damage="…", and the next one follows; then the exit
status is 7. It is text in a pipe as well, unless -o json is given. Of payloads of more than 256 bytes the beginning is shown. Hashes of
users' tokens are not shown, but all other payloads are: keep a dump as safe as the
node.`,
		Example: `  firn dump /var/lib/firn/n1 --engine --keys l,m
  firn dump /var/lib/firn/n1 --raft --from 1234 --limit 20
  firn dump /var/lib/firn/n1 --engine --from 6500000000 --whole -o json`,
		Args: args("DIR"),
		RunE: func(cmd *cobra.Command, words []string) error {
			return c.local(cmd, func(s *session) error { return runDump(s, words[0], &o) })
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.engine, "engine", false, "the store alone")
	f.BoolVar(&o.raft, "raft", false, "the Raft log alone")
	f.StringSliceVar(&o.keys, "keys", nil, "of the store only keys that begin with these letters, as docs/formats/keys.md has them")
	f.StringVar(&o.from, "from", "", "begin here: with --engine at a key in hexadecimal (also one that verify names), with --raft at an index")
	f.Uint64Var(&o.limit, "limit", 0, "print so many lines (default: all)")
	f.BoolVar(&o.whole, "whole", false, "show payloads to their end")
	return cmd
}

var errDumpLimit = errors.New("enough")

func runDump(s *session, dir string, o *dumpOptions) error {
	what, err := o.parse()
	if err != nil {
		return err
	}
	asJSON := s.output == "json" // text is for diff and grep, in a pipe too
	var line []byte
	printed, faults := uint64(0), uint64(0)
	err = server.DumpDir(s.ctx, dir, what, func(l *dump.Line) error {
		if o.limit > 0 && printed == o.limit {
			return errDumpLimit
		}
		printed++
		if l.Damage != "" {
			faults++
		}
		if line = line[:0]; asJSON {
			line = l.AppendJSON(line)
		} else {
			line = l.AppendText(line)
		}
		_, err := s.print.w.Write(append(line, '\n'))
		return err
	})
	if errors.Is(err, errDumpLimit) {
		err = nil
	}
	if err == nil && faults > 0 {
		err = firn.Errorf(firn.ErrDamaged, "%s cannot be read; look for damage in what was printed", plural(faults, "item"))
	}
	return err
}

func (o *dumpOptions) parse() (d server.DumpOptions, err error) {
	d = server.DumpOptions{Engine: o.engine, Raft: o.raft, PayloadMax: dumpPayloadMax}
	if o.whole {
		d.PayloadMax = math.MaxInt
	}
	switch {
	case o.engine && o.raft:
		return d, usage("both --engine and --raft are given; without either both are printed")
	case !o.engine && !o.raft && o.from != "":
		return d, usage("--from needs --engine (a key in hexadecimal) or --raft (an index)")
	case o.raft && len(o.keys) > 0:
		return d, usage("--keys is of the store, not of the Raft log")
	case o.engine && o.from != "":
		if d.FromKey, err = hex.DecodeString(o.from); err != nil {
			return d, usage("--from %.80q is not a key in hexadecimal", o.from)
		}
	case o.raft && o.from != "":
		if d.FromIndex, err = strconv.ParseUint(o.from, 10, 64); err != nil {
			return d, usage("--from %.80q is not an index", o.from)
		}
	case !o.engine && !o.raft:
		d.Engine, d.Raft = true, len(o.keys) == 0
	}
	for _, k := range o.keys {
		if len(k) != 1 {
			return d, usage("--keys %.80q; give single letters, as in e,l", strings.Join(o.keys, ","))
		}
		d.Keys = append(d.Keys, k[0])
	}
	return d, nil
}
