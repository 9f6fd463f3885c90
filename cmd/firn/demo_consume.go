package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
)

// demoBilling is what the consumers of a group share: which events each order's
// bill has seen, in order.
type demoBilling struct {
	poison string // this order's payment cannot be handled

	mu    sync.Mutex
	cured bool
	seen  map[firn.ID]bool  // an event may come again
	bills map[string]string // types, by order
	all   int
	done  chan struct{} // closed when all events are handled
}

var errDemoPoison = errors.New("no such currency: EUR?")

func (b *demoBilling) handle(_ context.Context, d firn.Delivery) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d.Event.Stream == b.poison && d.Event.Type == "OrderPaid" && !b.cured {
		return errDemoPoison
	}
	if b.seen[d.Event.ID] {
		return nil
	}
	b.seen[d.Event.ID] = true
	b.bills[d.Event.Stream] += d.Event.Type + " "
	if len(b.seen) == b.all {
		close(b.done)
	}
	return nil
}

const demoGroup = "billing"

func (d *demo) share() (lines []string, err error) {
	b := &demoBilling{seen: map[firn.ID]bool{}, bills: map[string]string{}, done: make(chan struct{})}
	for _, e := range d.orders.events {
		if e.typ == "OrderPaid" || e.typ == "OrderShipped" {
			b.all++
			if b.poison == "" {
				b.poison = e.stream
			}
		}
	}
	at, err := d.db.CreateGroup(d.ctx, firn.Group{
		Name: demoGroup, Category: "order", Types: []string{"OrderPaid", "OrderShipped"},
		MaxAttempts: 3, RetryMin: 10 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	const consumers = 3
	ctx, cancel := context.WithCancel(d.ctx)
	ended := make(chan error, consumers)
	for range consumers {
		go func() {
			err := client.Handle(ctx, d.db, demoGroup, client.HandleOptions{Parallel: 16, Batch: 64}, b.handle)
			if err != nil {
				cancel()
			}
			ended <- err
		}()
	}
	defer func() {
		cancel()
		for range consumers {
			err = errors.Join(err, <-ended)
		}
	}()

	began := time.Now()
	parked, err := d.db.WaitGroup(ctx, demoGroup, at)
	if err != nil {
		return nil, err
	}
	took := time.Since(began)
	b.mu.Lock()
	b.cured = true
	lines = append(lines, fmt.Sprintf("%d consumers handled %d payments and shipments in %.2f s, each order's in order; %d is parked",
		consumers, len(b.seen), took.Seconds(), parked))
	b.mu.Unlock()
	for p, err := range d.db.Parked(d.ctx, demoGroup) {
		if err != nil {
			return lines, err
		}
		if p.Stream != b.poison || p.Type != "OrderPaid" || p.Behind != 1 {
			return lines, fmt.Errorf("%s of %s is parked, with %d behind it; it should be OrderPaid of %s, with 1", p.Type, p.Stream, p.Behind, b.poison)
		}
		lines = append(lines, fmt.Sprintf("%s of %s was parked after %d attempts (%s); only that order waits", p.Type, p.Stream, p.Attempts, p.Reason))
	}
	n, err := d.db.Replay(d.ctx, demoGroup, firn.ParkedSelection{Stream: b.poison})
	if err != nil || n != 1 || parked != 1 {
		return lines, fmt.Errorf("1 event should be parked and replayed, but %d was parked and %d replayed (%v)", parked, n, err)
	}
	select {
	case <-b.done:
	case <-ctx.Done():
		return lines, fmt.Errorf("the replayed events were not all delivered: %w", ctx.Err())
	}
	if parked, err = d.db.WaitGroup(ctx, demoGroup, at); err != nil || parked > 0 {
		return lines, fmt.Errorf("nothing should be parked any more, but %d events are (%v)", parked, err)
	}
	d.billed = at
	b.mu.Lock()
	defer b.mu.Unlock()
	for order, types := range b.bills {
		if types != "OrderPaid OrderShipped " {
			return lines, fmt.Errorf("the events of %s were handled as %s", order, types)
		}
	}
	return append(lines, fmt.Sprintf("the handler is mended, the event replayed: %s has its payment, then its shipment", b.poison)), nil
}

// function runs a command for each event of an order, in a process of its own.
func (d *demo) function() ([]string, error) {
	const stream, group = "order-7", "mail"
	if _, err := d.db.CreateGroup(d.ctx, firn.Group{Name: group, Stream: stream}); err != nil {
		return nil, err
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(d.ctx, d.cluster.binary, "consume", group, "--addr", d.cluster.addresses(), "--until-caught-up",
		"--exec", `echo "mail about $FIRN_STREAM, revision $FIRN_REVISION: $FIRN_TYPE"`)
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &said, os.Environ()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("firn consume: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	var lines, want []string
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimSpace(line); !slices.Contains(lines, line) { // it may come again, if a leader is lost
			lines = append(lines, line)
		}
	}
	for i, e := range d.orders.of(stream) {
		want = append(want, fmt.Sprintf("mail about %s, revision %d: %s", stream, i, e.typ))
	}
	if !slices.Equal(lines, want) {
		return nil, fmt.Errorf("the command printed %q; it should have been %q", lines, want)
	}
	return append([]string{fmt.Sprintf("firn consume %s --exec ran a command for each of %d events:", group, len(lines))}, lines...), nil
}
