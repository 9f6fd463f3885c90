package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server"
)

type serveOptions struct {
	server.Config
	bootstrap   []string
	adminToken  string // a file
	cache       byteSize
	diskReserve byteSize
	frame       byteSize
	event       byteSize
	append      byteSize
	scavenge    string
	scrub       string
}

func newServeCommand(c *console) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve --id n1 --dir D --listen H:P --peer H:P [--http H:P] [--bootstrap id=H:P,… | --join H:P]",
		Short: "Run one node",
		Long: `Run one node until it is told to stop (SIGTERM, Ctrl-C).

A fresh data directory needs to be told where its data comes from:

  --bootstrap n1=H:P,n2=H:P,n3=H:P   the first nodes of a new cluster, each with
                                     its peer address; the same list on each
  --join H:P                         the client address of any node of a cluster;
                                     this one is added as a learner, then as a voter;
                                     with --replica it stays without a vote, and
                                     serves reads near those who read

A directory that has data ignores all three: a node stays what it is, until
firn cluster promote gives it a vote.

--tls D puts all ports into TLS: clients need a certificate of the authority in D,
nodes one of a member. D holds ca.crt, node-ID.crt and node-ID.key (firn cert makes
them). New files there are taken up within seconds, and on SIGHUP at once.

Every flag can be set in the
environment: FIRN_SERVE_ and the flag's name, as in FIRN_SERVE_ADVERTISE_PEER.

Where the cluster to join has users, --token-file gives an admin's token, or --tls
the certificate of a node that adds itself.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flagsFromEnvironment(cmd.LocalNonPersistentFlags(), "FIRN_SERVE_", c.env); err != nil {
				return err
			}
			config, err := o.config()
			if err != nil {
				return err
			}
			if config.JoinToken, err = c.callerToken(); err != nil {
				return err
			}
			config.Logger = slog.New(slog.NewTextHandler(c.err, nil))
			return c.local(cmd, func(s *session) error { return runServe(s, config) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ID, "id", "", "the node's name in its cluster, for good")
	f.StringVar(&o.Dir, "dir", "", "its data directory")
	f.StringVar(&o.Listen.Client, "listen", "", "where clients connect")
	f.StringVar(&o.Listen.Peer, "peer", "", "where other nodes connect")
	f.StringVar(&o.Listen.HTTP, "http", "", "health and metrics (default: none)")
	f.StringVar(&o.Advertise.Client, "advertise", "", "where clients reach it (default: --listen)")
	f.StringVar(&o.Advertise.Peer, "advertise-peer", "", "where other nodes reach it (default: --peer)")
	f.StringVar(&o.Advertise.HTTP, "advertise-http", "", "where its HTTP is reached (default: --http)")
	f.StringSliceVar(&o.bootstrap, "bootstrap", nil, "the first nodes of a new cluster, id=peer-address")
	f.StringVar(&o.Join, "join", "", "the client address of a node of the cluster to join")
	f.BoolVar(&o.Replica, "replica", false, "join as a read replica, which has no vote until firn cluster promote gives it one")
	f.Var(&o.cache, "cache", "memory for caches (default 256MiB)")
	f.IntVar(&o.MaxConnections, "max-connections", 20_000, "at most so many client connections")
	f.Var(&o.diskReserve, "disk-reserve", "refuse appends with less free disk than this (default: the larger of 512MiB and 2 % of the disk)")
	f.DurationVar(&o.Heartbeat, "heartbeat", 300*time.Millisecond, "after so long without its leader, a node stands for election; the same on all nodes, longer where disks are slow or nodes far apart")
	f.Var(&o.frame, "max-frame", "longest frame on a client connection (default 16MiB, which is also the most)")
	f.Var(&o.event, "max-event", "most data and metadata of one event (default 4MiB, which is also the most)")
	f.Var(&o.append, "max-append", "most bytes of one append's records (default 8MiB, which is also the most)")
	f.IntVar(&o.Limits.AppendEvents, "max-append-events", firn.AppendEventsMax, "most events in one append, up to 4096")
	f.IntVar(&o.Limits.NameBytes, "max-name", firn.StreamNameBytesMax, "longest stream name in bytes, up to 512")
	f.StringVar(&o.TLS, "tls", "", "a directory with the node's certificate, its key and the authority's certificate (default: no TLS)")
	f.StringVar(&o.scavenge, "scavenge", "auto", "give back the space of what is hidden: auto (when it is worth it), off, or once a day between two times of day, UTC, as in 03:00-05:00")
	f.StringVar(&o.scrub, "scrub", "8MiB/s", "read all of the node's data for damage once a week, at this rate at most, or off")
	f.BoolVar(&o.RequireUsers, "require-users", false, "let nobody in before there is a user")
	f.StringVar(&o.adminToken, "admin-token-file", "", "a file that holds a token: whoever presents it to this node is an admin, to add the first user, or when the last admin's token is lost")
	f.BoolVar(&o.Insecure, "insecure", false, "listen beyond loopback without TLS: everybody who reaches the ports can read and write everything")
	return cmd
}

// config completes what the flags filled in directly.
func (o *serveOptions) config() (server.Config, error) {
	config := o.Config
	for _, flag := range []struct{ name, value string }{
		{"id", o.ID}, {"dir", o.Dir}, {"listen", o.Listen.Client}, {"peer", o.Listen.Peer},
	} {
		if flag.value == "" {
			return config, usage("--%s is missing; usage: firn serve --id n1 --dir D --listen H:P --peer H:P", flag.name)
		}
	}
	for _, entry := range o.bootstrap {
		id, address, ok := strings.Cut(entry, "=")
		if !ok || id == "" || address == "" {
			return config, usage("--bootstrap %q: want id=peer-address, as in n1=127.0.0.1:7410,n2=127.0.0.1:7411", entry)
		}
		config.Bootstrap = append(config.Bootstrap, server.Member{ID: id, Peer: address})
	}
	if len(o.bootstrap) > 0 && o.Join != "" {
		return config, usage("both --bootstrap and --join are given; a node either begins a cluster or joins one")
	}
	var err error
	if config.Scavenge, err = server.ParseScavenge(o.scavenge); err != nil {
		return config, usage("--%v", err)
	}
	if config.Scrub.Rate, err = parseRate(o.scrub); err != nil {
		return config, usage("--scrub: %v", err)
	}
	if o.adminToken != "" {
		if config.AdminToken, err = readToken("--admin-token-file", o.adminToken); err != nil {
			return config, err
		}
	}
	config.CacheBytes, config.DiskReserve = int64(o.cache), uint64(o.diskReserve)
	config.Limits.FrameBytes, config.Limits.EventBytes, config.Limits.AppendBytes = int(o.frame), int(o.event), int(o.append)
	return config, nil
}

// parseRate reads bytes a second, as in 8MiB/s, or off, which is 0.
func parseRate(text string) (uint64, error) {
	if text == "off" {
		return 0, nil
	}
	size, perSecond := strings.CutSuffix(text, "/s")
	var rate byteSize
	if err := rate.Set(size); err != nil || !perSecond || rate == 0 {
		return 0, fmt.Errorf("%.40q is no rate; give off, or bytes a second, as in 8MiB/s", text)
	}
	return uint64(rate), nil
}

// closePatience is how long a node that has failed may take to stop. Its disk
// may be what hangs.
const closePatience = 10 * time.Second

func runServe(s *session, config server.Config) error {
	n, err := s.launch.Start(config)
	if err != nil {
		return err
	}
	log := config.Logger.With("node", config.ID)
	if config.TLS == "" {
		log.Warn("there is no TLS: whoever can listen to the network reads everything that is sent, tokens too")
	}
	log.Info("listening", "clients", config.Listen.Client, "peers", config.Listen.Peer, "http", config.Listen.HTTP, "dir", config.Dir)
	ctx, cancel := context.WithCancel(s.ctx)
	var announced sync.WaitGroup
	announced.Go(func() {
		if waitReady(ctx, n) == nil {
			log.Info("ready")
		}
	})
	defer announced.Wait()
	defer cancel()
	hangUps, ignore := reloadSignals(config.TLS != "")
	defer ignore()
	for running := true; running; {
		select {
		case <-s.ctx.Done():
			log.Info("stopping")
			return n.Close()
		case <-hangUps:
			n.ReloadCertificates() // which the node's log has the outcome of
		case <-n.Failed():
			running = false
		}
	}
	closed := make(chan error, 1)
	go func() { closed <- n.Close() }()
	select {
	case err = <-closed:
	case <-time.After(closePatience):
		err = fmt.Errorf("it did not stop within %s", closePatience)
	}
	return errors.Join(n.Err(), err)
}

// reloadSignals are the signals that ask for certificates to be read anew. A node
// without any is ended by them, as every program is.
func reloadSignals(wanted bool) (signals <-chan os.Signal, ignore func()) {
	c := make(chan os.Signal, 1)
	if wanted {
		signal.Notify(c, syscall.SIGHUP)
	}
	return c, func() { signal.Stop(c) }
}

// waitReady returns once the node answers. A cluster elects within a second or
// two, so asking every 50 ms is soon enough and costs nothing.
func waitReady(ctx context.Context, n node) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		err := n.Ready(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-n.Failed():
			return n.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// flagsFromEnvironment sets the flags that the command line left alone.
func flagsFromEnvironment(f *pflag.FlagSet, prefix string, env func(string) string) (err error) {
	f.VisitAll(func(flag *pflag.Flag) {
		name := prefix + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
		value := env(name)
		if value == "" || flag.Changed || err != nil {
			return
		}
		if e := f.Set(flag.Name, value); e != nil {
			err = usage("%s: %v", name, e)
		}
	})
	return err
}
