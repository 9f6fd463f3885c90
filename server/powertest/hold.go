package powertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/check"
)

// hold holds all that a node has against what its clients were told, and
// returns the log.
func (l *life) hold(ctx context.Context, n *node) ([]firn.Event, error) {
	told := l.journal.answers()
	events, err := readAll(ctx, n, told)
	if err != nil {
		return nil, err
	}
	var ledger check.Ledger
	for _, t := range told {
		if d, ok := t.deed.(*appending); ok {
			ledger.Add(d.writes, t.appended, t.err)
		}
	}
	for _, d := range l.unknown {
		if d, ok := d.(*appending); ok {
			ledger.Add(d.writes, firn.Appended{}, firn.Errorf(firn.ErrUnknown, "the power was lost"))
		}
	}
	faults := []error{ledger.Check(events), changesHeld(told, events), definitionsHeld(ctx, n, told), snapshotsHeld(ctx, n, told), l.groupHeld(ctx, n, told, events)}
	report, err := n.Verify(ctx)
	faults = append(faults, err)
	for _, f := range report.Faults {
		faults = append(faults, &check.Fault{Check: "verify", Text: fmt.Sprintf("invariant %d, key %q: %s", f.Invariant, f.Key, f.Text)})
	}
	return events, errors.Join(faults...)
}

// readAll reads the whole log. The events of deleted streams are put where they
// were acknowledged, for no read shows them.
func readAll(ctx context.Context, n *node, all []told) (events []firn.Event, err error) {
	hidden := map[firn.Position]firn.Event{}
	for _, t := range all {
		d, ok := t.deed.(*appending)
		if ok && t.err == nil && len(d.writes) == 1 && firn.Category(d.writes[0].Stream)+"-" == gone {
			w, draft := t.appended.Writes[0], d.writes[0].Drafts[0]
			hidden[w.FirstPosition] = firn.Event{
				Stream: w.Stream, Revision: w.FirstRevision, Position: w.FirstPosition, Time: t.appended.Time,
				ID: draft.ID, Type: draft.Type, Data: draft.Data, Count: 1,
			}
		}
	}
	for e, err := range n.store.Read(ctx, firn.Query{All: true, System: true}) {
		if err != nil {
			return nil, err
		}
		for {
			h, ok := hidden[firn.Position(len(events)+1)]
			if !ok || e.Position <= h.Position {
				break
			}
			events = append(events, h)
		}
		events = append(events, e)
	}
	return events, nil
}

// changesHeld looks for the changes of streams' lives where they were
// acknowledged.
func changesHeld(all []told, events []firn.Event) error {
	for _, t := range all {
		d, ok := t.deed.(*changing)
		if !ok || t.err != nil {
			continue
		}
		if p := t.appended.Position; int(p) > len(events) {
			return &check.Fault{Check: check.Acknowledged, Text: fmt.Sprintf("%T of %s was acknowledged at position %d; the log ends at %d", d.life, d.stream, p, len(events))}
		} else if stream, life, ok := firn.LifeOf(&events[p-1]); !ok || stream != d.stream || fmt.Sprintf("%T", life) != fmt.Sprintf("%T", d.life) {
			return &check.Fault{Check: check.Acknowledged, Text: fmt.Sprintf("%T of %s was acknowledged at position %d, where %+v is", d.life, d.stream, p, events[p-1])}
		}
	}
	return nil
}

// definitionsHeld looks for the versions of definitions that were acknowledged.
func definitionsHeld(ctx context.Context, n *node, all []told) error {
	held := map[string][]firn.Definition{}
	for _, t := range all {
		d, ok := t.deed.(*defining)
		if !ok || t.err != nil {
			continue
		}
		versions, read := held[d.name]
		if !read {
			var err error
			if versions, err = n.store.DefinitionVersions(ctx, firn.FoldDefinition, d.name); err != nil {
				return fmt.Errorf("definition %s: %w", d.name, err)
			}
			held[d.name] = versions
		}
		if uint64(len(versions)) < d.version {
			return &check.Fault{Check: check.Acknowledged, Text: fmt.Sprintf("version %d of %s was acknowledged; there are %d", d.version, d.name, len(versions))}
		}
		if v := &versions[d.version-1]; v.Version != d.version || v.Position != t.appended.Position || !bytes.Equal(v.Source, d.source()) {
			return &check.Fault{Check: check.Content, Text: fmt.Sprintf("version %d of %s was acknowledged at position %d, and is %+v", d.version, d.name, t.appended.Position, *v)}
		}
	}
	return nil
}

// snapshotsHeld looks for the newest snapshot of each stream and version of the
// fold that was acknowledged; older ones may have been thinned out.
func snapshotsHeld(ctx context.Context, n *node, all []told) error {
	type key struct {
		stream  string
		version firn.FoldVersion
	}
	newest := map[key]firn.Revision{}
	for _, t := range all {
		if d, ok := t.deed.(*saving); ok && t.err == nil {
			k := key{d.stream, d.version()}
			newest[k] = max(newest[k], d.revision)
		}
	}
	for k, revision := range newest {
		stream := k.stream
		loaded, err := n.store.Load(ctx, firn.LoadQuery{Stream: stream, Fold: savedFold, Version: k.version})
		if err != nil {
			return fmt.Errorf("load %s: %w", stream, err)
		}
		s := loaded.Snapshot
		if s == nil || s.Revision < revision {
			return &check.Fault{Check: check.Acknowledged, Text: fmt.Sprintf("a snapshot of %s at revision %d was acknowledged; what is loaded is %+v", stream, revision, s)}
		}
		saved := &saving{stream, s.Revision}
		if saved.version() != k.version {
			return &check.Fault{Check: check.Content, Text: fmt.Sprintf("the snapshot of %s at revision %d is loaded as one of version %x, and was saved as one of %x", stream, s.Revision, k.version, saved.version())}
		}
		if want := saved.state(); !bytes.Equal(s.State, want) {
			return &check.Fault{Check: check.Content, Text: fmt.Sprintf("the snapshot of %s at revision %d is %q, and was saved as %q", stream, s.Revision, s.State, want)}
		}
	}
	return nil
}

// groupHeld holds how far the group has come against the answers to its
// deliveries: it has passed what was acknowledged, and nothing that was not even
// delivered.
func (l *life) groupHeld(ctx context.Context, n *node, all []told, events []firn.Event) error {
	made, answers := false, map[firn.Position]bool{} // true: acknowledged
	for _, d := range l.journal.begun() {
		if d, ok := d.(*settling); ok {
			answers[d.position] = false
		}
	}
	for _, t := range all {
		switch d := t.deed.(type) {
		case *grouping:
			made = made || t.err == nil
		case *settling:
			answers[d.position] = true
		}
	}
	if !made {
		return nil
	}
	info, err := n.group(ctx)
	if err != nil {
		return fmt.Errorf("group %s: %w", groupName, err)
	}
	must := firn.Position(0) // what it must have passed
	kept := true
	for i := range events {
		e := &events[i]
		if firn.Category(e.Stream) != orders {
			continue
		}
		acknowledged, delivered := answers[e.Position]
		if kept = kept && acknowledged; kept {
			must = e.Position
		}
		if !delivered && info.Passed >= e.Position {
			return &check.Fault{Check: "lost", Text: fmt.Sprintf("the group has passed position %d; the event at %d was never answered", info.Passed, e.Position)}
		}
	}
	if info.Passed < must {
		return &check.Fault{Check: "again", Text: fmt.Sprintf("everything up to position %d was acknowledged; the group has passed %d", must, info.Passed)}
	}
	return nil
}
