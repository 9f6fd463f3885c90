package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/cloudevents"
)

type importOptions struct {
	path   string
	name   string
	rate   uint64
	batch  int
	strict bool
	again  bool

	keepTime bool
}

func newImportCommand(c *console) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Append the events of a file of CloudEvents, one JSON object a line",
		Long: `Append the events of a file of CloudEvents, one JSON object a line, in the file's
order; subject names the stream. gzip is recognised.

How far an import has come is written in the same atomic append as its events.
So an import that was cut off goes on where it stopped, without duplicates, when
it is started again; one that is finished does nothing. Imports are told apart
by the file's SHA-256, or by --name. Standard input without --name is copied to
a temporary file first, for its SHA-256.

With --keep-time each event is recorded under its own time, as long as that is
possible: time never goes back in a store, so it takes an empty one, and a file
in the order of time. From the first line that does not fit, which is named on
standard error, events are recorded under the time of the import; their own is
kept as occurred, as it is without the flag. Events of one time share an append,
so files in which each has another take longer.

A line that is wrong is named on standard error and left out; the exit status is
then 1 at the end.`,
		Example: `  firn import permits.ndjson.gz
  firn export --addr old:7400 | firn import --addr new:7400 -`,
		Args: args("FILE"),
		RunE: func(cmd *cobra.Command, words []string) error {
			o.path = words[0]
			if o.batch < 1 || o.batch > importBatchMax {
				return usage("--batch %d; want 1 to %d", o.batch, importBatchMax)
			}
			return c.connected(cmd, func(s *session) error { return runImport(s, o) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "tell imports apart by this name (default: the file's SHA-256)")
	f.Uint64Var(&o.rate, "rate", 0, "at most so many events a second (default: no limit)")
	f.IntVar(&o.batch, "batch", 500, "at most so many events in one atomic append")
	f.BoolVar(&o.strict, "strict", false, "stop at the first line that is wrong")
	f.BoolVar(&o.keepTime, "keep-time", false, "record each event under its own time, as long as time does not go back")
	f.BoolVar(&o.again, "again", false, "import from the first line, whatever was imported before")
	return cmd
}

// importer is one import at work.
type importer struct {
	*session
	importOptions
	source   *importSource
	stream   string           // that holds the progress
	before   importProgress   // this run
	progress importProgress   // so far
	last     firn.Expectation // of the progress stream
	bar      *progressbar.ProgressBar

	dated bool      // events are recorded under their own times, so far
	at    time.Time // of the last append that was; zero: none yet
	seen  time.Time // of the last line that has a time
	own   int       // events that were recorded so

	batch   importBatch
	line    int // the last one read
	refused int // lines, by this run
	stored  int // events, by this run
	known   int // events that the store had already
	began   time.Time
}

func runImport(s *session, o importOptions) error {
	s.patience.rest()
	source, err := openImport(s.in, &o)
	if err != nil {
		return err
	}
	defer source.Close()
	s.patience.moved()
	im := &importer{session: s, importOptions: o, source: source, stream: importStream(source.name), began: s.now(), dated: o.keepTime}
	if err := firn.CheckStreamName(im.stream); err != nil {
		return usage("--name %.64q: %v", o.name, err)
	}
	finished, err := im.begin()
	if err != nil {
		return err
	}
	if finished && !source.named {
		return im.report(true)
	}
	return im.run()
}

// run imports the lines that are not imported yet.
func (im *importer) run() error {
	if im.terminalErr {
		im.bar = newBar(im.err, "import", im.source.bytes)
		defer im.bar.Finish()
	}
	first := im.progress
	im.patience.rest()
	err := readLines(im.source, appendLineBytesMax, func(number int, text []byte, tooLong bool) error {
		im.line = number
		if number <= first.Line {
			return nil
		}
		return im.take(number, text, tooLong)
	})
	if err == nil {
		err = im.finish(first)
	} else if flushed := im.flushBefore(err); flushed != nil {
		err = flushed
	}
	if err != nil {
		return im.explainStop(err)
	}
	return im.report(im.line <= first.Line && first.Done)
}

// take adds one line to the batch, and appends the batch before that where the
// line does not fit into it.
func (im *importer) take(number int, text []byte, tooLong bool) error {
	if im.bar != nil {
		im.bar.Set64(im.source.read())
	}
	if tooLong {
		return im.refuse(number, fmt.Errorf("the line has more than %d MiB; an event holds at most %d MiB", appendLineBytesMax>>20, firn.EventBytesMax>>20))
	}
	stream, draft, err := cloudevents.Parse(text)
	if err != nil {
		return im.refuse(number, err)
	}
	if !draft.Occurred.IsZero() {
		im.seen = draft.Occurred
	}
	l := importLine{number: number, stream: stream, draft: draft, time: im.seen}
	if !im.batch.fits(&l, im.limit()) || im.dated && im.batch.isOfAnotherTime(&l) {
		if err := im.flush(number-1, false); err != nil {
			return err
		}
	}
	im.batch.add(l)
	return nil
}

// limit is how many events one append may hold. A rate makes appends small
// enough for the events to come evenly.
func (im *importer) limit() int {
	if im.rate > 0 {
		return int(min(uint64(im.importOptions.batch), max(1, im.rate/10)))
	}
	return im.importOptions.batch
}

// strictStop ends an import with --strict. It is the number of the wrong line.
type strictStop int

func (s strictStop) Error() string { return fmt.Sprintf("line %d is wrong", int(s)) }

// refuse reports a line that cannot be imported.
func (im *importer) refuse(number int, err error) error {
	if im.bar != nil {
		im.bar.Clear()
	}
	fmt.Fprintf(im.err, "%s:%d: %v\n", im.path, number, err)
	im.refused++
	if im.strict {
		return strictStop(number)
	}
	return nil
}

// flushBefore appends what was read before the error that ends the reading.
func (im *importer) flushBefore(err error) error {
	if errors.As(err, new(strictStop)) || isReadError(err) {
		if len(im.batch.lines) > 0 {
			return im.flush(im.batch.lines[len(im.batch.lines)-1].number, false)
		}
	}
	return nil
}

// finish appends the last batch, and writes down that the file is done.
func (im *importer) finish(first importProgress) error {
	if im.line <= first.Line && first.Done {
		return nil
	}
	return im.flush(max(im.line, first.Line), true)
}

// report prints what the import did.
func (im *importer) report(already bool) error {
	if already {
		fmt.Fprintf(im.err, "firn: %s is imported already: %s of %d lines; --again imports it once more\n",
			im.path, plural(uint64(im.progress.Events), "event"), im.progress.Line)
	}
	fields := []field{
		str("name", im.source.name), num("lines", im.progress.Line), num("events", im.progress.Events),
		num("appended", im.stored), num("already_stored", im.known), num("refused", im.progress.Refused),
	}
	if im.keepTime {
		fields = append(fields, num("own_time", im.own))
	}
	err := im.print.object(fields...)
	if err == nil && im.refused > 0 {
		err = fmt.Errorf("%s of %d not imported; each is named above", plural(uint64(im.refused), "line"), im.line)
	}
	return err
}

// explainStop says how an import that stopped goes on.
func (im *importer) explainStop(err error) error {
	if wrong := strictStop(0); errors.As(err, &wrong) {
		return fmt.Errorf("stopped at line %d, which is wrong; the lines up to %d are imported", int(wrong), im.progress.Line)
	}
	if isReadError(err) {
		return fmt.Errorf("%s cannot be read after line %d: %w; the lines up to %d are imported", im.path, im.line, err, im.progress.Line)
	}
	err = im.patience.explain(err)
	repeat := "firn import " + shellQuote(im.path)
	if im.name != "" {
		repeat += " --name " + shellQuote(im.name)
	}
	if im.keepTime {
		repeat += " --keep-time"
	}
	return &failure{err: fmt.Errorf("stopped after line %d: %w", im.progress.Line, err), repeat: repeat}
}
