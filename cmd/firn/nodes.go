package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/firndb/firn/server"
)

// localCluster is a cluster on loopback, all of it in this process.
type localCluster struct {
	configs []server.Config
	nodes   []node
}

// startLocal starts nodes n1, n2 … with their data in dir/n1, dir/n2 …
func startLocal(launch launcher, dir string, places []server.Addresses, log *slog.Logger) (*localCluster, error) {
	l := &localCluster{}
	var members []server.Member
	for i, at := range places {
		members = append(members, server.Member{ID: nodeID(i), Peer: at.Peer})
	}
	for i, at := range places {
		config := server.Config{ID: nodeID(i), Dir: filepath.Join(dir, nodeID(i)), Listen: at, Bootstrap: members, Logger: log}
		n, err := launch.Start(config)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("node %s: %w", config.ID, err), l.close())
		}
		l.configs = append(l.configs, config)
		l.nodes = append(l.nodes, n)
	}
	return l, nil
}

func nodeID(i int) string { return "n" + strconv.Itoa(i+1) }

// ready returns once every node answers.
func (l *localCluster) ready(ctx context.Context) error {
	for i, n := range l.nodes {
		if err := waitReady(ctx, n); err != nil {
			return fmt.Errorf("node %s: %w", nodeID(i), err)
		}
	}
	return nil
}

// failed is closed, with the node's number in it, when a node cannot go on.
func (l *localCluster) failed(ctx context.Context) <-chan int {
	c := make(chan int, len(l.nodes))
	for i, n := range l.nodes {
		go func() {
			select {
			case <-n.Failed():
				c <- i
			case <-ctx.Done():
			}
		}()
	}
	return c
}

func (l *localCluster) addrs() string {
	var all []string
	for _, c := range l.configs {
		all = append(all, c.Listen.Client)
	}
	return strings.Join(all, ",")
}

func (l *localCluster) close() error {
	var errs []error
	for _, n := range l.nodes {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}

// freePlaces returns loopback addresses that nobody listens on just now.
func freePlaces(n int) ([]server.Addresses, error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			l.Close()
		}
	}()
	free := func() (string, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		held = append(held, l)
		return l.Addr().String(), nil
	}
	places := make([]server.Addresses, n)
	for i := range places {
		for _, port := range []*string{&places[i].Client, &places[i].Peer, &places[i].HTTP} {
			var err error
			if *port, err = free(); err != nil {
				return nil, err
			}
		}
	}
	return places, nil
}

// startForBench is a cluster for a benchmark of its own.
func (c *console) startForBench(ctx context.Context, nodes int, dir string) (benchCluster, error) {
	places, err := freePlaces(nodes)
	if err != nil {
		return benchCluster{}, err
	}
	running := new(localCluster)
	start := func(ctx context.Context) (err error) {
		l, err := startLocal(c.launch, dir, places, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		if err := l.ready(ctx); err != nil {
			return errors.Join(err, l.close())
		}
		running = l
		return nil
	}
	if err := start(ctx); err != nil {
		return benchCluster{}, err
	}
	return benchCluster{
		addrs: running.addrs(),
		stop:  func() error { return running.close() },
		restart: func(ctx context.Context) (time.Duration, error) {
			l := running
			running = new(localCluster) // of no nodes, which can be stopped
			if err := l.close(); err != nil {
				return 0, err
			}
			began := time.Now()
			err := start(ctx)
			return time.Since(began), err
		},
	}, nil
}
