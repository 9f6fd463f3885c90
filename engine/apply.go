package engine

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/internal/planted"
)

// Entry is one entry of the Raft log.
type Entry struct {
	Index, Term uint64
	Data        []byte // made by command.AppendEntry; not kept
}

// Apply applies entries in the order of the log and returns the results of
// each one's items. One goroutine calls it. Entries at or below the applied
// index are passed over; their results are nil.
//
// All entries of a call are one Pebble batch, but for one that scavenges, which
// is one of its own; how entries are divided changes nothing that is stored. Readers see the batch when Apply
// returns. It is durable after the next Flush, at the latest: until then the
// Raft log has it.
//
// An error is fatal: nothing of the call is applied, and nothing will be. It
// wraps command.ErrUnknownKind where a later release wrote an entry.
func (e *Engine) Apply(entries []Entry) ([][]command.Result, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.leave()
	if e.broken != nil {
		return nil, e.broken
	}
	parsed, err := parseEntries(e.a.p.index, e.knows, entries)
	if err != nil {
		return nil, err // nothing was touched, so reads go on
	}
	results := make([][]command.Result, len(entries))
	if err := e.a.apply(entries, parsed, results); err != nil {
		e.broken = fmt.Errorf("engine: applying entries %d to %d: %w", entries[0].Index, entries[len(entries)-1].Index, damage(err))
		e.failed.happen(e.broken)
		return nil, e.broken
	}
	e.publish()
	return results, nil
}

// parseEntries parses the entries above the applied index before any of them
// is applied, so that one that cannot be read stops the node with all the
// entries before it as they were.
func parseEntries(applied, knows uint64, entries []Entry) ([]command.Entry, error) {
	parsed := make([]command.Entry, len(entries))
	for i := range entries {
		x := &entries[i]
		if x.Index <= applied {
			if i > 0 && entries[i-1].Index >= x.Index {
				return nil, firn.Errorf(firn.ErrInternal, "the entry of index %d comes after that of index %d; entries must come in the order of the log", x.Index, entries[i-1].Index)
			}
			continue
		}
		applied = x.Index
		var err error
		if parsed[i], err = command.ParseEntry(x.Data); err != nil {
			if errors.Is(err, command.ErrUnknownKind) {
				return nil, fmt.Errorf("engine: the entry of index %d needs a later release of Firn than this one; start the node with that release: %w", x.Index, err)
			}
			return nil, fmt.Errorf("engine: the entry of index %d is damaged: %w", x.Index, err)
		}
		for _, item := range parsed[i].Items {
			if v, ok := item.(*command.Version); ok && v.To > knows {
				return nil, fmt.Errorf("engine: the entry of index %d moves the cluster to version %d, this release knows %d; start the node with a later release: %w",
					x.Index, v.To, knows, command.ErrUnknownKind)
			}
		}
	}
	return parsed, nil
}

func (a *applier) apply(entries []Entry, parsed []command.Entry, results [][]command.Result) error {
	for len(entries) > 0 {
		n := 1
		for alone := scavenges(&parsed[0]); !alone && n < len(entries) && !scavenges(&parsed[n]); {
			n++
		}
		if err := a.together(entries[:n], parsed, results); err != nil {
			return err
		}
		entries, parsed, results = entries[n:], parsed[n:], results[n:]
	}
	return nil
}

// together applies entries in one batch.
func (a *applier) together(entries []Entry, parsed []command.Entry, results [][]command.Result) error {
	before := a.p.index
	a.states.trim()
	clear(a.ended)
	a.batch = a.db.NewBatch()
	defer a.release()
	for i := range entries {
		if entries[i].Index <= a.p.index {
			continue
		}
		var err error
		if results[i], err = a.entry(&entries[i], &parsed[i]); err != nil {
			return err
		}
	}
	if a.p.index == before {
		return nil
	}
	a.value = a.p.append(a.value[:0])
	if err := a.set(metaKey(metaApplied), a.value); err != nil {
		return err
	}
	return a.batch.Commit(pebble.NoSync)
}

// entry applies one entry: its items in order, each judged against what the
// items before it have done.
func (a *applier) entry(x *Entry, parsed *command.Entry) ([]command.Result, error) {
	start := a.batch.Len()
	if !a.stored {
		a.value = a.settings.append(a.value[:0])
		if err := a.set(metaKey(metaSettings), a.value); err != nil {
			return nil, err
		}
		a.stored = true
	}
	// The leader's clock proposes, but time never goes back, so that a moment
	// is one position.
	micros := max(parsed.Micros, a.p.time)
	if planted.Is(planted.TimeGoesBack) { // a leader's clock may be behind the last one's
		micros = parsed.Micros
	}
	results := make([]command.Result, len(parsed.Items))
	for i, item := range parsed.Items {
		result, err := a.item(micros, item)
		if err != nil {
			var refused *firn.Error
			if !errors.As(err, &refused) || refused.Kind == firn.ErrDamaged || refused.Kind == firn.ErrInternal || refused.Kind == firn.ErrUnsupported {
				return nil, err
			}
			result = command.Result{Err: refused}
		}
		results[i] = result
		if err := a.sealIfFull(); err != nil {
			return nil, err
		}
	}
	return results, a.link(x, start)
}

// item applies one item. A *firn.Error is the item's own result and has left
// no trace; what points at damage, and every other error, is fatal.
func (a *applier) item(micros int64, item command.Item) (command.Result, error) {
	switch item := item.(type) {
	case *command.Append:
		return a.append(micros, 0, item)
	case *command.AppendAt:
		return a.append(micros, item.Micros, &item.Append)
	case *command.Change:
		return a.change(micros, item)
	case *command.Define:
		return a.define(micros, item)
	case *command.Settle:
		return a.settle(item)
	case *command.Found:
		a.identity = identity{item.Cluster, item.History}
		a.value = a.identity.append(a.value[:0])
		return command.Result{Appended: firn.Appended{Position: a.p.head}}, a.set(metaKey(metaIdentity), a.value)
	case *command.Version:
		if item.To < a.version {
			return command.Result{}, firn.Errorf(firn.ErrInvalid, "the cluster is at version %d; it never goes back to %d", a.version, item.To)
		}
		a.version = item.To
		a.value = appendNumber(a.value[:0], a.version)
		return command.Result{Appended: firn.Appended{Position: a.p.head}}, a.set(metaKey(metaVersion), a.value)
	case *command.Snapshot:
		return a.snapshot(item)
	case *command.Scavenge:
		return a.scavenge(micros, item)
	}
	return command.Result{}, fmt.Errorf("an item of type %T: %w", item, command.ErrUnknownKind)
}
