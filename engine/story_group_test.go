package engine_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
)

// settle applies a step of a group. Each line of the input is an aside:
//
//   - STATE POSITION STREAM [due=MICROS] [holds]                        removed
//   - STATE POSITION STREAM REVISION [attempts=N] [due=MICROS] [holds] [replay] [reason=TEXT]
func (w *teller) settle(group string, args map[string]string, input string) string {
	item := &command.Settle{
		Group: []byte(group), Created: firn.Position(number(args["created"])), Step: uint64(number(args["step"])),
		Through: firn.Position(number(args["through"])), Rewind: args["rewind"] != "",
	}
	for _, p := range strings.Split(args["open"], "-") {
		if p != "" {
			item.Open = append(item.Open, firn.Position(number(p)))
		}
	}
	for i, count := range []*uint64{&item.Counts.Due, &item.Counts.Retrying, &item.Counts.Parked, &item.Counts.Waiting} {
		if counts := strings.Split(args["counts"], "-"); i < len(counts) {
			*count = uint64(number(counts[i]))
		}
	}
	for line := range strings.Lines(input) {
		words := strings.Fields(line)
		a := storyAside(words[1:])
		if words[0] == "+" {
			item.Added = append(item.Added, a)
		} else {
			item.Removed = append(item.Removed, a)
		}
	}
	if r := w.s.Apply(item)[0]; r.Err != nil {
		return failure(r.Err)
	}
	return w.group(group)
}

func storyAside(words []string) command.Aside {
	a := command.Aside{State: command.AsideDue, Position: firn.Position(number(words[1])), Stream: []byte(words[2])}
	if words[0] == "parked" {
		a.State = command.AsideParked
	}
	for _, word := range words[3:] {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "holds":
			a.Holds = true
		case "replay":
			a.Replay = true
		case "due":
			a.Due, _ = strconv.ParseUint(value, 10, 64)
		case "attempts":
			a.Attempts = uint32(number(value))
		case "reason":
			a.Reason = []byte(value)
		default:
			a.Revision = uint64(number(word))
		}
	}
	return a
}

// group tells where a group stands, by position, and what is due within a
// second from the beginning.
func (w *teller) group(name string) string {
	e := w.s.Engine()
	g, ok := e.GroupProgress(name)
	if !ok {
		return "no such group\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "made at %d, step %d: through %d, reached %d, open %d, floor %d, %+v\n", g.Created, g.Step, g.Through, g.Reached, g.Open, g.Floor(), g.Counts)
	for _, state := range []command.AsideState{command.AsideDue, command.AsideParked} {
		for _, a := range w.pages(func(from []byte) (engine.AsidePage, error) { return e.Asides(name, state, from, 2) }) {
			held, holds, err := e.HeldBy(name, string(a.Stream))
			if err != nil {
				return failure(err)
			}
			fmt.Fprintf(&b, "%s held=%t\n", asideLine(a), holds && held.Position == a.Position)
		}
	}
	at := time.UnixMicro(1000)
	for _, a := range w.pages(func(from []byte) (engine.AsidePage, error) { return e.AsidesDue(name, at, from, 2) }) {
		fmt.Fprintf(&b, "due: %s\n", asideLine(a))
	}
	if next, ok, err := e.NextDue(name, at); err != nil || ok {
		fmt.Fprintf(&b, "next due at %d (%v)\n", next.UnixMicro(), err)
	}
	return b.String()
}

func (w *teller) pages(read func(from []byte) (engine.AsidePage, error)) (all []command.Aside) {
	for from := []byte(nil); ; {
		page, err := read(from)
		if err != nil {
			w.t.Error(err)
		}
		all = append(all, page.Asides...)
		if from = page.Next; from == nil {
			return all
		}
	}
}

func asideLine(a command.Aside) string {
	state := map[command.AsideState]string{command.AsideDue: "due", command.AsideParked: "parked"}[a.State]
	return fmt.Sprintf("%s @%d %s/%d attempts=%d due=%d holds=%t replay=%t %s", state, a.Position, a.Stream, a.Revision, a.Attempts, a.Due, a.Holds, a.Replay, a.Reason)
}
