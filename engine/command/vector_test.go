package command_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/enginetest/vector"
	"github.com/firndb/firn/engine/record"
)

var id = firn.ID{0x01, 0x89, 0x0a, 0x5d, 0xac, 0x96, 0x77, 0x4b, 0xbc, 0xce, 0xb3, 0x02, 0x09, 0x9a, 0x80, 0x57}

const micros = 1_772_000_000_000_000

func draft(typ string) []byte { return record.AppendDraft(nil, &firn.Draft{ID: id, Type: typ}) }

func change(life firn.Life) command.Item {
	return &command.Change{Actor: []byte("ann"), ID: id, Stream: []byte("order-42"), Expect: firn.Exists, Life: life}
}

func items() map[string][]command.Item {
	return map[string][]command.Item{
		"append": {&command.Append{Writes: []command.Write{{Stream: []byte("order-42"), Expect: firn.None, Records: [][]byte{draft("A"), draft("B")}}}}},
		"append-to-several": {&command.Append{Actor: []byte("ann"), Writes: []command.Write{
			{Stream: []byte("account-1"), Expect: firn.At(7), Records: [][]byte{draft("Debited")}},
			{Stream: []byte("account-2"), Expect: firn.At(300), Records: [][]byte{draft("Credited")}},
			{Stream: []byte("limit-1"), Expect: firn.Any},
		}}},
		"append-at": {&command.AppendAt{Micros: 981_166_245_000_006, Append: command.Append{Actor: []byte("ann"), Writes: []command.Write{
			{Stream: []byte("order-42"), Expect: firn.None, Records: [][]byte{draft("A")}},
		}}}},
		"delete":         {change(firn.Delete{})},
		"tombstone":      {change(firn.Tombstone{})},
		"truncate":       {change(firn.Truncate{Before: 1000})},
		"limits":         {change(firn.Limits{MaxAge: time.Hour, MaxCount: 9})},
		"category-limit": {&command.Change{ID: id, Stream: []byte(firn.CategoriesStream), Life: firn.Limits{Category: "order", MaxCount: 1}}},
		"metadata":       {change(firn.Metadata{Data: []byte(`{"owner":"ann"}`)})},
		"define":         {&command.Define{Actor: []byte("ann"), ID: id, Class: command.ClassGroup, Name: []byte("mail"), Expect: firn.None, Body: []byte(`{"all":true}`)}},
		"define-again":   {&command.Define{ID: id, Class: command.ClassFold, Name: []byte("cart"), Expect: firn.At(300), Body: []byte(`{}`)}},
		"define-end":     {&command.Define{ID: id, Class: command.ClassUpcaster, Name: []byte("v2"), Expect: firn.Exists}},
		"settle": {&command.Settle{
			Group: []byte("mail"), Created: 7, Step: 300, Through: 1000, Open: []firn.Position{3, 900, 999}, Counts: command.Counts{Due: 2, Retrying: 1, Parked: 3, Waiting: 1},
			Removed: []command.Aside{{State: command.AsideDue, Position: 2, Due: micros, Stream: []byte("order-42"), Holds: true}},
			Added: []command.Aside{
				{State: command.AsideParked, Position: 2, Stream: []byte("order-42"), Holds: true, Revision: 300, Attempts: 10, Parked: micros, Reason: []byte("no such address")},
				{State: command.AsideDue, Position: 998, Due: micros + 1, Stream: []byte("order-43"), Replay: true, Attempts: 1},
			},
		}},
		"settle-rewind": {&command.Settle{Group: []byte("mail"), Created: 7, Step: 301, Rewind: true, Through: 5}},
		"found":         {&command.Found{Cluster: [16]byte{1, 2, 3}, History: [16]byte{0xff}}},
		"version":       {&command.Version{To: 1}},
		"snapshot": {&command.Snapshot{Actor: []byte("ann"), Stream: []byte("order-42"), Fold: []byte("cart"), Version: firn.FoldVersion{0xab, 15: 0xcd},
			Revision: 300, Partial: true, State: []byte(`{"items":[]}`)}},
		"scavenge": {&command.Scavenge{Actor: []byte("ann"), ID: id}},
		"several": {
			&command.Found{Cluster: [16]byte{1}, History: [16]byte{2}},
			&command.Append{Writes: []command.Write{{Stream: []byte("a"), Expect: firn.Exists}}},
			&command.Version{To: 1},
		},
	}
}

func encode(items []command.Item) []byte {
	var encoded [][]byte
	for _, item := range items {
		encoded = append(encoded, command.AppendItem(nil, item))
	}
	return command.AppendEntry(nil, micros, encoded...)
}

func bad() map[string][]byte {
	good := encode(items()["version"]) // version, time, count, kind, length, body
	body := len(good) - 3
	change := func(at int, to byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = to
		return b
	}
	return map[string][]byte{
		"bad-empty":             {},
		"bad-version":           change(0, 2),
		"bad-kind-of-later":     change(body, 200),
		"bad-kind-zero":         change(body, 0),
		"bad-cut-short":         good[:len(good)-1],
		"bad-bytes-behind":      append(append([]byte(nil), good...), 0),
		"bad-no-items":          command.AppendEntry(nil, micros),
		"bad-count":             change(body-1, 100),
		"bad-item-length":       change(body+1, 100),
		"bad-body-too-long":     append(change(body+1, 2), 0),
		"bad-expectation":       command.AppendEntry(nil, micros, []byte{1, 6, 0, 1, 1, 'a', 9, 0}),
		"bad-writes-count":      command.AppendEntry(nil, micros, []byte{1, 3, 0, 0xff, 0x7f}),
		"bad-change-of-life":    command.AppendEntry(nil, micros, append(append([]byte{2, 21, 0}, id[:]...), 1, 'a', 0, 77)),
		"bad-append-at-no-time": command.AppendEntry(nil, micros, []byte{8, 3, 0, 0, 0}),
		"bad-append-at-time":    command.AppendEntry(nil, micros, []byte{8, 12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0}),
		"bad-number-too-long":   {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1},
	}
}

func TestEntryVectors(t *testing.T) {
	var made []vector.Vector
	for name, items := range items() {
		b := encode(items)
		parsed, err := command.ParseEntry(b)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		fields := []vector.Field{vector.Expect("ok"), vector.F("time", parsed.Micros)}
		for _, item := range parsed.Items {
			fields = append(fields, meaning(item)...)
		}
		made = append(made, vector.Vector{Name: name, Fields: fields, Bytes: b})
	}
	for name, b := range bad() {
		_, err := command.ParseEntry(b)
		expect := "damaged"
		if errors.Is(err, command.ErrUnknownKind) {
			expect = "of a later release"
		} else if err == nil {
			expect = "ok"
		}
		made = append(made, vector.Vector{Name: name, Fields: []vector.Field{vector.Expect(expect)}, Bytes: b})
	}
	vector.Check(t, "testdata/entry", made)
}

func meaning(item command.Item) []vector.Field {
	switch item := item.(type) {
	case *command.AppendAt:
		return append([]vector.Field{vector.F("item", "append-at"), vector.F("time", item.Micros)}, meaning(&item.Append)[1:]...)
	case *command.Append:
		fields := []vector.Field{vector.F("item", "append"), vector.F("actor", item.Actor)}
		for _, w := range item.Writes {
			fields = append(fields, vector.F("stream", w.Stream), vector.F("expect of stream", w.Expect))
			for _, r := range w.Records {
				fields = append(fields, vector.Field{Key: "record", Value: fmt.Sprintf("%x", r)})
			}
		}
		return fields
	case *command.Change:
		return []vector.Field{vector.F("item", "change"), vector.F("actor", item.Actor), vector.F("id", item.ID), vector.F("stream", item.Stream),
			vector.F("expect of stream", item.Expect), {Key: "life", Value: fmt.Sprintf("%T %v", item.Life, life(item.Life))}}
	case *command.Define:
		return []vector.Field{vector.F("item", "define"), vector.F("actor", item.Actor), vector.F("id", item.ID), {Key: "class", Value: item.Class.String()},
			vector.F("name", item.Name), vector.F("expect of version", item.Expect), vector.F("body", item.Body)}
	case *command.Settle:
		fields := []vector.Field{vector.F("item", "settle"), vector.F("group", item.Group), vector.F("created", item.Created), vector.F("step", item.Step),
			vector.F("rewind", item.Rewind), vector.F("through", item.Through), vector.F("open", item.Open), {Key: "counts", Value: fmt.Sprintf("%+v", item.Counts)}}
		for _, a := range item.Removed {
			fields = append(fields, vector.Field{Key: "removed", Value: fmt.Sprintf("state %d position %d due %d %q flags %d", a.State, a.Position, a.Due, a.Stream, a.Flags())})
		}
		for _, a := range item.Added {
			fields = append(fields, vector.Field{Key: "added", Value: fmt.Sprintf("state %d position %d due %d %q flags %d revision %d attempts %d parked %d %q",
				a.State, a.Position, a.Due, a.Stream, a.Flags(), a.Revision, a.Attempts, a.Parked, a.Reason)})
		}
		return fields
	case *command.Found:
		return []vector.Field{vector.F("item", "found"), {Key: "cluster", Value: fmt.Sprintf("%x", item.Cluster)}, {Key: "history", Value: fmt.Sprintf("%x", item.History)}}
	case *command.Snapshot:
		return []vector.Field{vector.F("item", "snapshot"), vector.F("actor", item.Actor), vector.F("stream", item.Stream), vector.F("fold", item.Fold),
			vector.F("version", item.Version), vector.F("revision", item.Revision), vector.F("partial", item.Partial), vector.F("state", item.State)}
	case *command.Version:
		return []vector.Field{vector.F("item", "version"), vector.F("to", item.To)}
	}
	return nil
}

func life(l firn.Life) string {
	if m, ok := l.(firn.Metadata); ok {
		return fmt.Sprintf("%q", m.Data)
	}
	return fmt.Sprintf("%+v", l)
}

func FuzzParseEntry(f *testing.F) {
	for _, items := range items() {
		f.Add(encode(items))
	}
	for _, b := range bad() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := command.ParseEntry(b)
		if err != nil {
			return
		}
		var encoded [][]byte
		for _, item := range e.Items {
			encoded = append(encoded, command.AppendItem(nil, item))
			if _, err := command.ParseItem(encoded[len(encoded)-1]); err != nil {
				t.Errorf("%x: an item that was taken, encoded again: %v", b, err)
			}
		}
		again, err := command.ParseEntry(command.AppendEntry(nil, e.Micros, encoded...))
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%x was taken as %+v; encoded and parsed again it is %+v (%v)", b, e, again, err)
		}
	})
}

func FuzzParseLife(f *testing.F) {
	for _, l := range []firn.Life{firn.Delete{}, firn.Tombstone{}, firn.Truncate{Before: 9}, firn.Limits{Category: "a", MaxAge: 1000, MaxCount: 1}, firn.Metadata{Data: []byte("{}")}} {
		f.Add(command.AppendLife(nil, l))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := command.ParseLife(b)
		if err != nil {
			return
		}
		if again, err := command.ParseLife(command.AppendLife(nil, l)); err != nil || !reflect.DeepEqual(again, l) {
			t.Errorf("%x was taken as %v; encoded and parsed again it is %v (%v)", b, l, again, err)
		}
	})
}
