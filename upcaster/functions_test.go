package upcaster_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/upcaster"
)

func TestFunctions(t *testing.T) {
	var f upcaster.Functions
	add := func(typ string, from uint32, fn upcaster.Func) {
		if err := f.Add(typ, from, fn); err != nil {
			t.Fatal(err)
		}
	}
	piece := func(typ string, schema uint32, data string) firn.Event {
		return firn.Event{Stream: "forged", Position: 99, Type: typ, Schema: schema, Data: []byte(data)}
	}
	add("Moved", 0, func(e firn.Event) ([]firn.Event, error) {
		return []firn.Event{piece("Left", 1, "a"), piece("Moved", 2, "b"), piece("Arrived", 1, "c")}, nil
	})
	add("Left", 1, func(e firn.Event) ([]firn.Event, error) { return nil, nil })
	add("Arrived", 1, func(e firn.Event) ([]firn.Event, error) {
		return []firn.Event{piece("Arrived", 2, "d"), piece("Noted", 1, "e")}, nil
	})
	add("Back", 2, func(e firn.Event) ([]firn.Event, error) { return []firn.Event{piece("Back", 1, "")}, nil })
	add("Ring", 1, func(e firn.Event) ([]firn.Event, error) { return []firn.Event{piece("Gnir", 1, "")}, nil })
	add("Gnir", 1, func(e firn.Event) ([]firn.Event, error) { return []firn.Event{piece("Ring", 1, "")}, nil })
	add("Many", 1, func(e firn.Event) ([]firn.Event, error) { return make([]firn.Event, 1001), nil })
	add("Crowd", 1, func(e firn.Event) ([]firn.Event, error) {
		var all []firn.Event
		for range upcaster.PiecesMax + 1 {
			all = append(all, piece("One", 1, ""))
		}
		return all, nil
	})
	add("Bad", 1, func(e firn.Event) ([]firn.Event, error) { return nil, errors.New("no customer") })

	e := firn.Event{Stream: "s-1", Revision: 3, Position: 7, Time: time.Unix(5, 0), ID: firn.ID{1}, Actor: "eve", Count: 1, Type: "Moved", Data: []byte("x")}
	got, err := f.Apply(e)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, p := range got {
		text += fmt.Sprintf("%s %d %s;", p.Type, p.Schema, p.Data)
		p.Type, p.Schema, p.Data = e.Type, e.Schema, e.Data
		if fmt.Sprint(p) != fmt.Sprint(e) {
			t.Errorf("its place became %+v", p)
		}
	}
	if want := "Moved 2 b;Arrived 2 d;Noted 1 e;"; text != want {
		t.Errorf("got %s, want %s", text, want)
	}
	for typ, want := range map[string]string{
		"Back":  "step Back 2: it gives version 1 of the same type, which is not a later one",
		"Ring":  "100 upcasters were applied one after another; do they lead in a circle?",
		"Many":  `it gives the type "": a type has 1 to 255 bytes`,
		"Crowd": "more than 1000 events are made of it",
		"Bad":   "no customer",
	} {
		schema := uint32(1)
		if typ == "Back" {
			schema = 2
		}
		var typed *upcaster.Error
		if got, err := f.Apply(firn.Event{Type: typ, Schema: schema}); !errors.As(err, &typed) || !strings.HasSuffix(err.Error(), want) || got != nil {
			t.Errorf("%s: got %v, want %s", typ, err, want)
		}
	}
	if err := f.Add("Moved", 1, upcaster.Func(nil)); !errors.Is(err, firn.ErrAlreadyExists) {
		t.Errorf("a second one for version 1: %v", err)
	}
	if err := f.Add("", 1, upcaster.Func(nil)); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("no type: %v", err)
	}
	if err := f.Add("New", 1, nil); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("nil: %v", err)
	}
	other := firn.Event{Type: "Other"}
	if n := testing.AllocsPerRun(100, func() { f.Applies(&other) }); n > 0 {
		t.Errorf("%v allocations where nothing applies", n)
	}
}
