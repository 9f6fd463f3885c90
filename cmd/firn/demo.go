package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
)

func newDemoCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show a three-node cluster at work, and what it survives",
		Long: `Show what Firn does, on a cluster of three processes in a temporary directory:
import orders, read the past, refuse what contradicts, feed a read model, share work
and set a poison event aside, change the shape of old events, lose a leader and then
all nodes at once, and prove that nothing was lost. It ends by itself within a
minute, with exit status 0 only if every step held.`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), c) },
	}
}

// demoTimeout bounds the whole demo.
const demoTimeout = time.Minute

// demo is a demo at work. Its steps share what they find out.
type demo struct {
	*console
	ctx     context.Context
	dir     string
	cluster *demoCluster
	db      store
	orders  demoOrders
	billed  firn.Position // up to which the group has handled what it follows
	hash    string        // of all events, once everything is imported
}

// demoStep is one thing to show. do returns what was seen, in a few words a line.
type demoStep struct {
	title string
	do    func(*demo) ([]string, error)
}

func demoSteps() []demoStep {
	return []demoStep{
		{"start three nodes, each a process of its own", (*demo).start},
		{"import orders, and kill the leader with SIGKILL in the middle of it", (*demo).importUnderKill},
		{"read an order, now and in the past", (*demo).travel},
		{"append what was expected, refuse what was not", (*demo).expect},
		{"change several streams in one atomic step, or none", (*demo).transfer},
		{"delete an order, and read it from before", (*demo).remove},
		{"feed a read model from a subscription, and read what was just written", (*demo).project},
		{"share work in a group; one event is poison, is parked, and is replayed", (*demo).share},
		{"run a command for each event", (*demo).function},
		{"change the shape of events; the old ones are read in today's", (*demo).evolve},
		{"travel in time: what an order was, what changed, and by which event", (*demo).look},
		{"load a long stream, without a snapshot and with one", (*demo).snapshot},
		{"start the killed node again; it catches up", (*demo).recover},
		{"compare the three nodes, byte for byte, and verify each", (*demo).compare},
		{"kill all three nodes at once, and start them again", (*demo).powerCut},
	}
}

func runDemo(ctx context.Context, c *console) (err error) {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	c.plain()
	dir, err := os.MkdirTemp("", "firn-demo-*")
	if err != nil {
		return err
	}
	began := time.Now()
	d := &demo{console: c, ctx: ctx, dir: dir, orders: makeDemoOrders()}
	defer func() {
		if d.db != nil {
			d.db.Close()
		}
		if d.cluster != nil {
			d.cluster.killAll()
		}
		if err != nil {
			err = fmt.Errorf("%w (the nodes' logs are in %s)", err, dir)
			return
		}
		err = os.RemoveAll(dir)
	}()
	for i, step := range demoSteps() {
		fmt.Fprintf(c.out, "%d. %s\n", i+1, step.title)
		seen, err := step.do(d)
		for _, line := range seen {
			fmt.Fprintf(c.out, "   %s\n", line)
		}
		if err != nil {
			if ctx.Err() != nil {
				err = errors.Join(err, fmt.Errorf("the demo was stopped after %s", time.Since(began).Round(time.Second)))
			}
			return fmt.Errorf("step %d (%s): %w", i+1, step.title, err)
		}
	}
	_, err = fmt.Fprintf(c.out, "every step held, in %.1f s. Now your own: firn up\n", time.Since(began).Seconds())
	return err
}

func (d *demo) start() ([]string, error) {
	var err error
	if d.cluster, err = startDemoCluster(d.dir); err != nil {
		return nil, err
	}
	began := time.Now()
	leader, err := d.awaitLeader()
	if err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("three nodes at %s, open to every program on this machine", d.cluster.addresses()),
		fmt.Sprintf("%s was elected leader after %.2f s", leader, time.Since(began).Seconds()),
	}, nil
}

// awaitLeader connects where that is not done yet, and returns who leads as
// soon as the cluster answers.
func (d *demo) awaitLeader() (string, error) {
	var last error
	for d.ctx.Err() == nil {
		if d.db == nil {
			if d.db, last = d.dial(d.ctx, d.cluster.addresses()); last != nil {
				d.db = nil
			}
		}
		if d.db != nil {
			status, err := d.db.Status(d.ctx, "")
			if last = err; err == nil && status.Leader != "" {
				if _, _, last = d.head(); last == nil {
					return status.Leader, nil
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "", fmt.Errorf("there is no leader: %w", errors.Join(d.ctx.Err(), last))
}

// importUnderKill imports all orders through the command line, and kills the
// leader once a third of the events is there.
func (d *demo) importUnderKill() ([]string, error) {
	file := filepath.Join(d.dir, "orders.ndjson")
	if err := os.WriteFile(file, d.orders.ndjson(), 0o644); err != nil {
		return nil, err
	}
	before, err := d.awaitLeader()
	if err != nil {
		return nil, err
	}
	imported := make(chan error, 1)
	began := time.Now()
	go func() {
		imported <- d.command("import", file, "--rate", "2500", "--batch", "100").err
	}()
	third := uint64(len(d.orders.events) / 3)
	for {
		head, _, err := d.head()
		if err == nil && uint64(head) >= third {
			break
		}
		select {
		case err := <-imported:
			return nil, fmt.Errorf("the import ended before the leader was killed: %w", err)
		case <-d.ctx.Done():
			return nil, d.ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	d.cluster.kill(before)
	if err := <-imported; err != nil {
		return nil, err
	}
	took := time.Since(began)
	after, err := d.awaitLeader()
	if err != nil {
		return nil, err
	}
	if err := d.checkOrders(); err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("killed %s after a third of the events; %s took over, and the import went on by itself", before, after),
		fmt.Sprintf("%d events of %d orders in %.1f s: each there once, in order, none lost", len(d.orders.events), d.orders.count, took.Seconds()),
	}, nil
}
