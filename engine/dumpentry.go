package engine

import (
	"errors"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/dump"
)

// DumpEntry prints what a Raft entry holds: a line an item, and one for each event
// that an append carries. head begins each. The error is print's.
func DumpEntry(data []byte, max int, head func(kind string) *dump.Line, print func(*dump.Line) error) error {
	entry, err := command.ParseEntry(data)
	if err != nil {
		l := head("item")
		l.Damage = err.Error()
		return print(l)
	}
	d := &dumper{max: max} // which shows no keys
	for i, item := range entry.Items {
		of := func(kind string) *dump.Line {
			l := head(kind)
			l.Uint("item", uint64(i))
			return l
		}
		l := of("item")
		l.Time("proposed", moment(uint64(entry.Micros)))
		d.item(l, item)
		err := print(l)
		switch item := item.(type) {
		case *command.Append:
			err = errors.Join(err, d.writes(item.Writes, of, print))
		case *command.AppendAt:
			err = errors.Join(err, d.writes(item.Writes, of, print))
		case *command.Settle:
			for _, list := range []struct {
				change string
				asides []command.Aside
			}{{"removed", item.Removed}, {"added", item.Added}} {
				for i := range list.asides {
					l := of("")
					l.Text("change", list.change)
					d.aside(l, &list.asides[i])
					err = errors.Join(err, print(l))
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// item shows all of an item but what has lines of its own.
func (d *dumper) item(l *dump.Line, item command.Item) {
	switch item := item.(type) {
	case *command.Append:
		l.Text("command", "append")
		l.Text("actor", string(item.Actor))
		l.Uint("writes", uint64(len(item.Writes)))
	case *command.AppendAt:
		l.Text("command", "append-at")
		l.Text("actor", string(item.Actor))
		l.Time("time", record.Time(item.Micros))
		l.Uint("writes", uint64(len(item.Writes)))
	case *command.Change:
		l.Text("command", "change")
		l.Text("actor", string(item.Actor))
		l.Text("id", item.ID.String())
		l.Text("stream", string(item.Stream))
		l.Text("expect", item.Expect.String())
		typ, data := lifeEvent(item.Life, 0, 0)
		l.Text("type", typ)
		if typ != firn.TypeDeleted && typ != firn.TypeTombstoned { // whose events say at which revision, which the command does not
			l.Payload("data", data, d.max)
		}
	case *command.Define:
		l.Text("command", "define")
		l.Text("actor", string(item.Actor))
		l.Text("id", item.ID.String())
		l.Text("class", item.Class.String())
		l.Text("name", string(item.Name))
		l.Text("expect", item.Expect.String())
		d.body(l, item.Class, item.Body)
	case *command.Settle:
		l.Text("command", "settle")
		l.Text("group", string(item.Group))
		settlement(l, item.Created, item.Step, item.Through, item.Open, &item.Counts)
		l.Flag("rewind", item.Rewind)
	case *command.Found:
		l.Text("command", "found")
		l.Text("cluster", firn.ID(item.Cluster).String())
		l.Text("history", firn.ID(item.History).String())
	case *command.Version:
		l.Text("command", "version")
		l.Uint("to", item.To)
	case *command.Snapshot:
		l.Text("command", "snapshot")
		l.Text("actor", string(item.Actor))
		l.Text("fold", string(item.Fold))
		d.foldState(l, string(item.Stream), item.Version, uint64(item.Revision), item.Partial, item.State)
	case *command.Scavenge:
		l.Text("command", "scavenge")
		l.Text("actor", string(item.Actor))
		l.Text("id", item.ID.String())
	}
}

// writes shows the events that an append carries, or the condition that it makes.
func (d *dumper) writes(writes []command.Write, of func(kind string) *dump.Line, print func(*dump.Line) error) error {
	for i := range writes {
		w := &writes[i]
		begin := func(kind string) *dump.Line {
			l := of(kind)
			l.Text("stream", string(w.Stream))
			l.Text("expect", w.Expect.String())
			return l
		}
		if len(w.Records) == 0 {
			if err := print(begin("condition")); err != nil {
				return err
			}
		}
		for _, b := range w.Records {
			l := begin("draft")
			draft, err := record.ParseDraft(b)
			if err != nil {
				l.Damage = err.Error()
			} else {
				d.draft(l, &draft)
			}
			if err := print(l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *dumper) draft(l *dump.Line, draft *record.Draft) {
	l.Text("id", draft.ID.String())
	l.Text("type", string(draft.Type))
	l.Uint("schema", uint64(draft.Schema))
	d.payloads(l, string(draft.ContentType), draft.Data, draft.Metadata)
	if len(draft.CorrelationID) > 0 {
		l.Text("correlation_id", string(draft.CorrelationID))
	}
	if len(draft.CausationID) > 0 {
		l.Text("causation_id", string(draft.CausationID))
	}
	if draft.HasOccurred {
		l.Time("occurred", record.Time(draft.Occurred))
	}
}
