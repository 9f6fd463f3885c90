package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/enginetest"
	"github.com/firndb/firn/engine/record"
)

// The stories in testdata/stories tell what happened once, and what the engine
// answered. Their commands:
//
//	open [layer-events=N] [window=N]   an empty store
//	append                             each line a write: STREAM EXPECTATION [ID | ID=DATA]…
//	change STREAM CHANGE [ID]          delete, tombstone, truncate-N, max-count-N, max-age-D or metadata-TEXT
//	define CLASS NAME EXPECTATION [BODY] [id=N]   no body: it ends
//	definitions CLASS [at=POSITION]
//	versions CLASS NAME
//	settle GROUP created=P step=N through=P [open=P-P…] [counts=DUE-RETRYING-PARKED-WAITING] [rewind]   see settle
//	group GROUP
//	read [stream=S | category=C | id=ID] [at=POINT] [from=POINT] [backwards] [limit=N] [types=T] [system]
//	info STREAM [at=POINT]
//	streams
//	scavenge                           what is hidden by now is gone
//	sweep                              remove it
//	snapshot STREAM FOLD.VERSION REVISION [STATE] [partial]
//	load STREAM FOLD.VERSION [at=POINT]
//	clock D                            it is now D after the beginning
//	crash kept=PERCENT                 of what was not synced
//	restart
//
// An ID is a small number; data that is not given is the id. POINT is a
// revision, @POSITION, or +D for a moment after the beginning.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		teller := &teller{t: t}
		datadriven.RunTest(t, path, teller.run)
	})
}

var beginning = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type teller struct {
	t       *testing.T
	s       *enginetest.Store
	elapsed time.Duration
}

func (w *teller) run(t *testing.T, d *datadriven.TestData) string {
	args := map[string]string{}
	var words []string
	for _, arg := range d.CmdArgs {
		if len(arg.Vals) > 0 {
			args[arg.Key] = arg.Vals[0]
		} else {
			words = append(words, arg.Key)
			args[arg.Key] = "true"
		}
	}
	switch d.Cmd {
	case "open":
		w.s = enginetest.Open(w.t, enginetest.Options{
			Settings: engine.Settings{LayerEvents: number(args["layer-events"]), Window: uint64(number(args["window"]))},
			Now:      func() time.Time { return beginning.Add(w.elapsed) },
		})
		return "empty\n"
	case "append":
		return w.append(d.Input, args["at"])
	case "change":
		id := firn.NewID()
		if len(words) > 2 {
			id = storyID(words[2])
		}
		r := w.s.Apply(&command.Change{ID: id, Stream: []byte(words[0]), Life: storyLife(words[1])})[0]
		return result(r)
	case "read":
		return w.read(args)
	case "define":
		return w.define(words, args["id"])
	case "definitions":
		if at := args["at"]; at != "" {
			return definitionLines(w.s.Engine().DefinitionsAt(storyClass(words[0]), firn.Position(number(at))))
		}
		found, _ := w.s.Engine().Definitions(storyClass(words[0]))
		return definitionLines(found, nil)
	case "settle":
		return w.settle(words[0], args, d.Input)
	case "group":
		return w.group(words[0])
	case "versions":
		return definitionLines(w.s.Engine().DefinitionVersions(storyClass(words[0]), words[1]))
	case "info":
		info, err := w.s.Stream(t.Context(), words[0], storyPoint(args["at"]))
		if err != nil {
			return failure(err)
		}
		return infoLine(info)
	case "streams":
		var b strings.Builder
		for info, err := range w.s.Streams(t.Context(), firn.StreamQuery{System: true}) {
			if err != nil {
				return failure(err)
			}
			b.WriteString(infoLine(info))
		}
		return b.String()
	case "scavenge":
		return result(w.s.Apply(&command.Scavenge{ID: firn.NewID()})[0])
	case "sweep":
		done, err := w.s.Engine().Sweep(t.Context(), func(context.Context, engine.Swept, uint64) error { return nil })
		if err != nil {
			return failure(err)
		}
		return fmt.Sprintf("%d events removed from %d layers\n", done.Events, done.Layers)
	case "snapshot":
		fold, version := storyFold(words[1])
		item := &command.Snapshot{Stream: []byte(words[0]), Fold: []byte(fold), Version: version, Revision: firn.Revision(number(words[2])), State: []byte("state of " + words[2])}
		if len(words) > 3 {
			item.State = []byte(words[3])
		}
		item.Partial = args["partial"] != ""
		if r := w.s.Apply(item)[0]; r.Err != nil {
			return failure(r.Err)
		}
		return "kept\n"
	case "load":
		return w.load(words, args)
	case "clock":
		w.elapsed, _ = time.ParseDuration(words[0])
		return ""
	case "crash":
		w.s.Crash(number(args["kept"]))
		return w.layers()
	case "restart":
		w.s.Restart()
		return w.layers()
	}
	d.Fatalf(t, "unknown command")
	return ""
}

func (w *teller) layers() string {
	stats, err := w.s.Engine().Stats()
	if err != nil {
		return failure(err)
	}
	return fmt.Sprintf("head %d: %d sealed layers, %d events in the open one\n", stats.Head, stats.Layers, stats.OpenEvents)
}

// append appends by the clock, or at a time of its own.
func (w *teller) append(input, at string) string {
	item := &command.Append{}
	for line := range strings.Lines(input) {
		words := strings.Fields(line)
		expect, err := firn.ParseExpectation(words[1])
		if err != nil {
			return failure(err)
		}
		write := command.Write{Stream: []byte(words[0]), Expect: expect}
		for _, word := range words[2:] {
			id, data, found := strings.Cut(word, "=")
			if !found {
				data = id
			}
			write.Records = append(write.Records, record.AppendDraft(nil, &firn.Draft{ID: storyID(id), Type: "T", Data: []byte(data)}))
		}
		item.Writes = append(item.Writes, write)
	}
	if at == "" {
		return result(w.s.Apply(item)[0])
	}
	after, _ := time.ParseDuration(at)
	return result(w.s.Apply(&command.AppendAt{Micros: record.Micros(beginning.Add(after)), Append: *item})[0])
}

func (w *teller) define(words []string, id string) string {
	expect, err := firn.ParseExpectation(words[2])
	if err != nil {
		return failure(err)
	}
	item := &command.Define{Actor: []byte("ann"), ID: firn.NewID(), Class: storyClass(words[0]), Name: []byte(words[1]), Expect: expect}
	if id != "" {
		item.ID = storyID(id)
	}
	if len(words) > 3 {
		item.Body = []byte(words[3])
	}
	r := w.s.Apply(item)[0]
	if r.Err != nil {
		return failure(r.Err)
	}
	return fmt.Sprintf("version %d at %s", r.Version, result(r))
}

func storyClass(s string) command.Class {
	for _, c := range command.Classes() {
		if c.String() == s {
			return c
		}
	}
	return 0
}

func definitionLines(found []engine.Definition, err error) string {
	if err != nil {
		return failure(err)
	}
	var b strings.Builder
	for _, d := range found {
		body := "ended"
		if len(d.Body) > 0 {
			body = string(d.Body)
		}
		fmt.Fprintf(&b, "@%d %s version %d by %s: %s\n", d.Position, d.Name, d.Version, d.Actor, body)
	}
	if b.Len() == 0 {
		return "none\n"
	}
	return b.String()
}

func result(r command.Result) string {
	if r.Err != nil {
		return failure(r.Err)
	}
	repeated := ""
	if r.Appended.Repeated {
		repeated = ", a repetition"
	}
	if len(r.Appended.Writes) == 0 {
		return fmt.Sprintf("position %d%s\n", r.Appended.Position, repeated)
	}
	var b strings.Builder
	for _, w := range r.Appended.Writes {
		fmt.Fprintf(&b, "%s: revisions %d to %d at positions %d to %d%s\n", w.Stream, w.FirstRevision, w.LastRevision, w.FirstPosition, w.LastPosition, repeated)
	}
	return b.String()
}

func failure(err error) string {
	var e *firn.Error
	if !errors.As(err, &e) {
		return fmt.Sprintf("error of a foreign type: %v\n", err)
	}
	return fmt.Sprintf("%s: %v\n", e.Kind, e)
}

func (w *teller) read(args map[string]string) string {
	q := firn.Query{
		Stream: args["stream"], Category: args["category"], From: storyPoint(args["from"]), Bound: storyPoint(args["at"]),
		Backwards: args["backwards"] != "", Limit: uint64(number(args["limit"])), System: args["system"] != "",
	}
	if id := args["id"]; id != "" {
		q.ID = storyID(id)
	}
	if types := args["types"]; types != "" {
		q.Types = []string{types}
	}
	q.All = q.Stream == "" && q.Category == "" && q.ID.IsZero()
	var b strings.Builder
	for e, err := range w.s.Read(w.t.Context(), q) {
		if err != nil {
			b.WriteString(failure(err))
			break
		}
		fmt.Fprintf(&b, "@%d %s/%d %s +%s %s\n", e.Position, e.Stream, e.Revision, e.Type, e.Time.Sub(beginning), e.Data)
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func infoLine(i firn.StreamInfo) string {
	line := fmt.Sprintf("%s: %s as of %d, last revision %d, %d visible", i.Name, i.State, i.Position, i.Revision, i.Events)
	if i.Events > 0 {
		line += fmt.Sprintf(" from revision %d", i.FirstRevision)
	}
	if i.MaxAge > 0 || i.MaxCount > 0 {
		line += fmt.Sprintf(", max age %s, max count %d", i.MaxAge, i.MaxCount)
	}
	if i.Metadata != nil {
		line += fmt.Sprintf(", metadata %s", i.Metadata)
	}
	if i.Open {
		line += ", the moment is open"
	}
	return line + "\n"
}

func storyID(s string) firn.ID { return firn.ID{0: 1, 15: byte(number(s))} }

func storyLife(s string) firn.Life {
	verb, rest, _ := strings.Cut(s, "-")
	switch {
	case verb == "delete":
		return firn.Delete{}
	case verb == "tombstone":
		return firn.Tombstone{}
	case verb == "truncate":
		return firn.Truncate{Before: firn.Revision(number(rest))}
	case strings.HasPrefix(rest, "count-"):
		return firn.Limits{MaxCount: uint64(number(strings.TrimPrefix(rest, "count-")))}
	case strings.HasPrefix(rest, "age-"):
		age, _ := time.ParseDuration(strings.TrimPrefix(rest, "age-"))
		return firn.Limits{MaxAge: age}
	}
	return firn.Metadata{Data: []byte(rest)}
}

func storyPoint(s string) firn.Point {
	switch {
	case s == "":
		return firn.Point{}
	case s[0] == '@':
		return firn.PositionPoint(firn.Position(number(s[1:])))
	case s[0] == '+':
		d, _ := time.ParseDuration(s[1:])
		return firn.MomentPoint(beginning.Add(d))
	}
	return firn.RevisionPoint(firn.Revision(number(s)))
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func (w *teller) load(words []string, args map[string]string) string {
	_, version := storyFold(words[1])
	found, err := w.s.Engine().Load(w.t.Context(), firn.LoadQuery{Stream: words[0], Version: version, Bound: storyPoint(args["at"])}, beginning.Add(w.elapsed))
	if err != nil {
		return failure(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "as of @%d", found.Position)
	if found.Partial {
		b.WriteString(", partial")
	}
	if s := found.Snapshot; s != nil {
		fmt.Fprintf(&b, ": %s at revision %d: %s", s.Fold, s.Revision, s.State)
	}
	b.WriteString(", then")
	for stored, err := range found.Records {
		if err != nil {
			return b.String() + " " + failure(err)
		}
		fmt.Fprintf(&b, " @%d", stored.Position)
	}
	return b.String() + "\n"
}

// storyFold takes a fold and the number of its version apart.
func storyFold(s string) (fold string, version firn.FoldVersion) {
	fold, n, _ := strings.Cut(s, ".")
	return fold, firn.FoldVersion{0: byte(len(fold)), 1: byte(number(n))}
}
