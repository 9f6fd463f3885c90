package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firndb/firn/server"
)

type upOptions struct {
	nodes int
	dir   string
	port  int
	temp  bool
}

func newUpCommand(c *console) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run a cluster in one process, on loopback",
		Long: `Run a cluster in one process, on loopback, until Ctrl-C. Its data stays in --dir,
and is there again the next time.

Clients connect to --port and the ports after it, nodes to each other 10 above
these; health and metrics are 20 above.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd.Flags().Changed("dir")); err != nil {
				return err
			}
			return c.local(cmd, func(s *session) error { return runUp(s, o) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.nodes, "nodes", 3, "how many nodes, 1 to 9")
	f.StringVar(&o.dir, "dir", "firn-data", "where the data lies")
	f.IntVar(&o.port, "port", 7400, "the first node's port for clients")
	f.BoolVar(&o.temp, "temp", false, "keep the data in a temporary directory, which is gone afterwards")
	return cmd
}

func (o *upOptions) check(dirGiven bool) error {
	switch {
	case o.nodes < 1 || o.nodes > 9:
		return usage("--nodes %d; want 1 to 9", o.nodes)
	case o.port < 1 || o.port+20+o.nodes > 65536:
		return usage("--port %d; want 1 to %d, since %d above it are used too", o.port, 65536-20-o.nodes, 20+o.nodes-1)
	case o.temp && dirGiven:
		return usage("both --temp and --dir are given; the data is either kept or not")
	}
	return nil
}

// nodesFile says how many nodes the cluster in a directory has. Another number
// would be no majority of it, or not know of each other.
const nodesFile = "nodes"

// claimDir writes down how many nodes there are, or refuses a directory that
// was made for another number.
func (o *upOptions) claimDir() error {
	path := filepath.Join(o.dir, nodesFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(o.dir, 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, fmt.Appendf(nil, "%d\n", o.nodes), 0o644)
	}
	if err != nil {
		return err
	}
	if found, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 8); err != nil {
		return usage("%s is no directory of firn up: %s holds %.20q; choose another --dir", o.dir, path, b)
	} else if int(found) != o.nodes {
		return usage("%s holds a cluster of %s; say --nodes %d, or choose another --dir", o.dir, plural(found, "node"), found)
	}
	return nil
}

func runUp(s *session, o upOptions) (err error) {
	if o.temp {
		if o.dir, err = os.MkdirTemp("", "firn-up-*"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	if err := o.claimDir(); err != nil {
		return err
	}
	places := make([]server.Addresses, o.nodes)
	for i := range places {
		at := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port+i) }
		places[i] = server.Addresses{Client: at(o.port), Peer: at(o.port + 10), HTTP: at(o.port + 20)}
	}
	var level slog.LevelVar
	level.Set(slog.LevelWarn)
	log := slog.New(slog.NewTextHandler(s.err, &slog.HandlerOptions{Level: &level}))
	l, err := startLocal(s.launch, o.dir, places, log)
	if err != nil {
		return err
	}
	defer func() {
		level.Set(slog.LevelError) // nodes that stop one by one miss each other, and say so
		err = errors.Join(err, l.close())
	}()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	failed := l.failed(ctx)
	if err := l.ready(s.ctx); err != nil {
		if s.ctx.Err() != nil {
			return nil // stopped before it was ready
		}
		return err
	}
	if err := s.printNodes(l); err != nil {
		return err
	}
	select {
	case <-s.ctx.Done():
		return nil
	case i := <-failed:
		return fmt.Errorf("node %s cannot go on: %w", nodeID(i), l.nodes[i].Err())
	}
}

// printNodes says where everything is, and what to type next.
func (s *session) printNodes(l *localCluster) error {
	for _, c := range l.configs {
		err := s.print.row(str("id", c.ID), str("address", c.Listen.Client), str("peer", c.Listen.Peer), str("http", c.Listen.HTTP), str("dir", c.Dir))
		if err != nil {
			return err
		}
	}
	if err := s.print.flush(); err != nil {
		return err
	}
	hint := ""
	if l.addrs() != addrDefault {
		hint = " --addr " + l.addrs()
	}
	open := ""
	if l.nodes[0].Open() {
		open = "It is open: there are no users, and every program on this machine may read and write everything. "
	}
	_, err := fmt.Fprintf(s.err, "ready; in another shell: firn append order-1 --type OrderPlaced --data '{\"total\":100.10}'%s\n%sCtrl-C stops it\n", hint, open)
	return err
}
