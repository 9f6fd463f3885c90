package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
)

// firnSystem is Firn as `firn bench --nodes` runs it: nodes in this process, and
// one client that reaches them over TCP.
func firnSystem() *system {
	return &system{
		name: "firn", about: "one connection, defaults", synced: true, nodes: []int{1, 3}, reads: true, follows: true, expected: true,
		version: func(options) string { return commit() },
		start:   startFirn,
	}
}

// commit is what the program was built from, where it says so.
func commit() string {
	info, _ := debug.ReadBuildInfo()
	revision, dirty := "", ""
	if info != nil {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = " with changes"
			}
		}
	}
	if revision == "" {
		return "this tree"
	}
	return revision + dirty
}

func startFirn(ctx context.Context, at place) (_ running, err error) {
	var nodes []*server.Node
	stop := func() error {
		var errs []error
		for _, n := range nodes {
			errs = append(errs, n.Close())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	places := make([]server.Addresses, at.nodes)
	var members []server.Member
	var clients []string
	addresses, err := freeAddresses(3 * at.nodes)
	if err != nil {
		return running{}, err
	}
	for i := range places {
		a := addresses[3*i:]
		places[i] = server.Addresses{Client: a[0], Peer: a[1], HTTP: a[2]}
		members = append(members, server.Member{ID: nodeName(i), Peer: a[1]})
		clients = append(clients, a[0])
	}
	for i, listen := range places {
		n, err := server.Start(server.Config{
			ID: nodeName(i), Dir: filepath.Join(at.dir, nodeName(i)), Listen: listen, Bootstrap: members,
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return running{}, fmt.Errorf("node %s: %w", nodeName(i), err)
		}
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		if err := eventually(ctx, n.Ready); err != nil {
			return running{}, err
		}
	}
	c, err := client.Dial(ctx, strings.Join(clients, ","), client.Options{Name: "peers"})
	if err != nil {
		return running{}, err
	}
	return running{store: c, stop: func() error { return errors.Join(c.Close(), stop()) }}, nil
}
