package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firndb/firn"
)

// demoOutcome is what a command printed, and how it ended.
type demoOutcome struct {
	out bytes.Buffer
	err error
}

// command runs a firn command against the cluster, or where the arguments name
// another --addr, against that.
func (d *demo) command(arguments ...string) *demoOutcome {
	var o demoOutcome
	var said bytes.Buffer
	c := *d.console
	c.out, c.err, c.in = &o.out, &said, bytes.NewReader(nil)
	c.terminalOut, c.terminalErr, c.terminalIn = false, false, false
	if !slices.Contains(arguments, "--addr") {
		arguments = append(arguments, "--addr", d.cluster.addresses())
	}
	if status := run(d.ctx, append(arguments, "--timeout", "30s"), &c); status != exitDone {
		o.err = fmt.Errorf("firn %s ended with exit status %d: %s", arguments[0], status, bytes.TrimSpace(said.Bytes()))
	}
	return &o
}

func (d *demo) head() (firn.Position, time.Time, error) {
	ctx, cancel := context.WithTimeout(d.ctx, 2*time.Second)
	defer cancel()
	return d.db.Head(ctx, firn.Consistency{})
}

func (d *demo) read(q firn.Query) (events []firn.Event, err error) {
	for e, err := range d.db.Read(d.ctx, q) {
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// checkOrders reads everything and compares it with what was imported.
func (d *demo) checkOrders() error {
	events, err := d.read(firn.Query{Category: "order"})
	if err != nil {
		return err
	}
	if len(events) < len(d.orders.events) {
		return fmt.Errorf("%d events were imported, %d are there", len(d.orders.events), len(events))
	}
	next := map[string]firn.Revision{}
	for i, want := range d.orders.events {
		got := &events[i]
		if got.ID != d.orders.id(i) || got.Stream != want.stream || got.Type != want.typ || string(got.Data) != want.data || got.Revision != next[want.stream] {
			return fmt.Errorf("event %d should be %s of %s at revision %d, but %s of %s at revision %d is there",
				i, want.typ, want.stream, next[want.stream], got.Type, got.Stream, got.Revision)
		}
		next[want.stream]++
	}
	return nil
}

func (d *demo) travel() ([]string, error) {
	const stream = "order-7"
	want := d.orders.of(stream)
	now, err := d.read(firn.Query{Stream: stream})
	if err != nil {
		return nil, err
	}
	if len(now) != len(want) {
		return nil, fmt.Errorf("%s has %d events, %d were imported", stream, len(now), len(want))
	}
	lines := []string{fmt.Sprintf("%s now: %s", stream, demoTypes(now))}
	second := now[1]
	for _, at := range []struct {
		words string
		bound firn.Point
	}{
		{"at revision 1", firn.RevisionPoint(second.Revision)},
		{fmt.Sprintf("at position %d", second.Position), firn.PositionPoint(second.Position)},
	} {
		past, err := d.read(firn.Query{Stream: stream, Bound: at.bound})
		if err != nil {
			return lines, err
		}
		if len(past) != 2 {
			return lines, fmt.Errorf("%s %s has %d events, not 2", stream, at.words, len(past))
		}
		lines = append(lines, fmt.Sprintf("%s %s: %s", stream, at.words, demoTypes(past)))
	}
	return lines, nil
}

func (d *demo) expect() ([]string, error) {
	const stream = "order-demo"
	if _, err := d.db.Append(d.ctx, firn.To(stream, firn.None, demoDraft("OrderPlaced"))); err != nil {
		return nil, err
	}
	paid := demoDraft("OrderPaid")
	first, err := d.db.Append(d.ctx, firn.To(stream, firn.At(0), paid))
	if err != nil {
		return nil, err
	}
	_, err = d.db.Append(d.ctx, firn.To(stream, firn.At(0), demoDraft("OrderCancelled")))
	if !errors.Is(err, firn.ErrConflict) {
		return nil, fmt.Errorf("a second append at revision 0 should be refused, but: %v", err)
	}
	again, retryErr := d.db.Append(d.ctx, firn.To(stream, firn.At(0), paid))
	if retryErr != nil || !again.Repeated || again.Position != first.Position {
		return nil, fmt.Errorf("a repeated append should be answered with its first result, but: %+v, %v", again, retryErr)
	}
	return []string{
		"refused: " + err.Error(),
		fmt.Sprintf("the same append sent again, with its id: answered with position %d as at first, nothing appended", again.Position),
	}, nil
}

func demoDraft(typ string) firn.Draft {
	return firn.Draft{ID: firn.NewID(), Type: typ, Data: []byte(`{"amount":5}`)}
}

func (d *demo) transfer() ([]string, error) {
	debit, credit := demoDraft("Debited"), demoDraft("Credited")
	done, err := d.db.Append(d.ctx,
		firn.To("account-1", firn.None, debit), firn.To("account-2", firn.None, credit), firn.Check("order-demo", firn.At(1)))
	if err != nil {
		return nil, err
	}
	before, _, err := d.head()
	if err != nil {
		return nil, err
	}
	_, err = d.db.Append(d.ctx,
		firn.To("account-1", firn.At(0), demoDraft("Debited")), firn.To("account-2", firn.At(7), demoDraft("Credited")))
	if !errors.Is(err, firn.ErrConflict) {
		return nil, fmt.Errorf("one expectation fails, so all should be refused, but: %v", err)
	}
	after, _, headErr := d.head()
	if headErr != nil || after != before {
		return nil, fmt.Errorf("nothing should have been written, but the head went from %d to %d (%v)", before, after, headErr)
	}
	return []string{
		fmt.Sprintf("account-1 and account-2 changed together, at positions %d and %d, as long as order-demo is at revision 1", done.Writes[0].FirstPosition, done.Writes[1].FirstPosition),
		"the second transfer was refused as a whole: " + err.Error(),
	}, nil
}

func (d *demo) remove() ([]string, error) {
	const stream = "order-demo"
	at, err := d.db.Change(d.ctx, stream, firn.At(1), firn.Delete{})
	if err != nil {
		return nil, err
	}
	_, err = d.read(firn.Query{Stream: stream})
	if !errors.Is(err, firn.ErrDeleted) {
		return nil, fmt.Errorf("%s should read as deleted, but: %v", stream, err)
	}
	past, readErr := d.read(firn.Query{Stream: stream, Bound: firn.PositionPoint(at - 1)})
	if readErr != nil || len(past) != 2 {
		return nil, fmt.Errorf("%s should be there before position %d, but: %d events, %v", stream, at, len(past), readErr)
	}
	return []string{"now: " + err.Error(), fmt.Sprintf("at position %d: %s", at-1, demoTypes(past))}, nil
}

func (d *demo) recover() ([]string, error) {
	started, err := d.cluster.runMissing()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := d.caughtUp(); err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("%s has everything again after %.2f s", started, time.Since(began).Seconds())}, nil
}

// caughtUp waits until every node has applied what is committed now.
func (d *demo) caughtUp() error {
	if _, err := d.awaitLeader(); err != nil {
		return err
	}
	head, _, err := d.head()
	if err != nil {
		return err
	}
	for _, at := range d.cluster.places {
		for {
			err := d.reaches(at.Client, head)
			if err == nil {
				break
			}
			if d.ctx.Err() != nil {
				return fmt.Errorf("the node at %s does not reach position %d: %w", at.Client, head, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return nil
}

func (d *demo) reaches(address string, head firn.Position) error {
	ctx, cancel := context.WithTimeout(d.ctx, 5*time.Second)
	defer cancel()
	db, err := d.dial(ctx, address)
	if err != nil {
		return err
	}
	defer db.Close()
	_, _, err = db.Head(ctx, firn.Consistency{AtLeast: head})
	return err
}

func (d *demo) compare() (lines []string, err error) {
	hash, err := d.sameEverywhere()
	if err != nil {
		return nil, err
	}
	d.hash = hash
	for i, at := range d.cluster.places {
		if o := d.command("verify", "--addr", at.Client); o.err != nil {
			return lines, o.err
		}
		lines = append(lines, fmt.Sprintf("%s: export has SHA-256 %.16s…; every invariant holds", nodeID(i), hash))
	}
	return lines, nil
}

// sameEverywhere exports each node's own data and returns the hash that they
// have in common.
func (d *demo) sameEverywhere() (hash string, err error) {
	for i, at := range d.cluster.places {
		o := d.command("export", "--local", "--addr", at.Client)
		if o.err != nil {
			return "", o.err
		}
		sum := sha256.Sum256(o.out.Bytes())
		own := hex.EncodeToString(sum[:])
		if hash == "" {
			hash = own
		}
		if own != hash {
			return "", fmt.Errorf("node %s exports %s, node n1 %s", nodeID(i), own, hash)
		}
	}
	return hash, nil
}

func (d *demo) powerCut() ([]string, error) {
	d.cluster.killAll()
	began := time.Now()
	if _, err := d.cluster.runMissing(); err != nil {
		return nil, err
	}
	if err := d.caughtUp(); err != nil {
		return nil, err
	}
	took := time.Since(began)
	hash, err := d.sameEverywhere()
	if err != nil {
		return nil, err
	}
	if hash != d.hash {
		return nil, fmt.Errorf("before the cut the export was %s, after it is %s", d.hash, hash)
	}
	lines := []string{fmt.Sprintf("all three answer again after %.2f s, with the same bytes: nothing was lost", took.Seconds())}
	if parked, err := d.db.WaitGroup(d.ctx, demoGroup, d.billed); err != nil || parked > 0 {
		return lines, fmt.Errorf("the group should have passed position %d, with nothing parked, but: %d (%v)", d.billed, parked, err)
	}
	return append(lines, "the group knows how far it had come: nobody is billed twice"), nil
}
