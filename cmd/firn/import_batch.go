package main

import (
	"context"
	"errors"
	"time"

	"github.com/firndb/firn"
)

// importLine is one line of a file, parsed.
type importLine struct {
	number int
	stream string
	draft  firn.Draft
	time   time.Time // its own, or that of the line before; zero: there was none
}

// importBatch is a run of lines that one append can hold in the file's order.
// An append writes each stream once, so a stream that comes back after another
// one begins a new batch.
type importBatch struct {
	lines   []importLine
	bytes   int
	streams map[string]bool
}

const (
	importBatchMax = firn.AppendEventsMax - 1 // the progress is an event too

	// importBatchBytes keeps an append small enough to share a Raft entry.
	importBatchBytes = 448 << 10
	draftBytesMax    = 64 // of a record beside the parts counted below
)

func (l *importLine) bytes() int {
	d := &l.draft
	return draftBytesMax + len(d.Type) + len(d.ContentType) + len(d.Data) + len(d.Metadata) + len(d.CorrelationID) + len(d.CausationID)
}

// fits reports whether the line can still go into the batch.
func (b *importBatch) fits(l *importLine, eventsMax int) bool {
	n := len(b.lines)
	if n == 0 {
		return true
	}
	if n >= eventsMax || b.bytes+l.bytes() > importBatchBytes {
		return false
	}
	return b.lines[n-1].stream == l.stream || !b.streams[l.stream]
}

// isOfAnotherTime reports whether the line must not share an append with the
// batch where each event has its own time.
func (b *importBatch) isOfAnotherTime(l *importLine) bool {
	return len(b.lines) > 0 && !b.lines[0].time.Equal(l.time)
}

func (b *importBatch) add(l importLine) {
	if b.streams == nil {
		b.streams = map[string]bool{}
	}
	b.lines = append(b.lines, l)
	b.bytes += l.bytes()
	b.streams[l.stream] = true
}

// writesOf makes one write of each run of lines for the same stream.
func writesOf(lines []importLine) []firn.Write {
	var writes []firn.Write
	for i, l := range lines {
		if i == 0 || lines[i-1].stream != l.stream {
			writes = append(writes, firn.To(l.stream, firn.Any))
		}
		w := &writes[len(writes)-1]
		w.Drafts = append(w.Drafts, l.draft)
	}
	return writes
}

// flush appends the batch together with the progress: all lines up to upTo are
// then dealt with.
func (im *importer) flush(upTo int, done bool) error {
	lines := im.batch.lines
	im.batch = importBatch{}
	im.patience.moved()
	defer im.patience.rest()
	if err := im.pace(len(lines)); err != nil {
		return err
	}
	return im.store(lines, upTo, done)
}

// store appends lines. Where the store refuses the whole for the sake of one
// event, halves find out which.
func (im *importer) store(lines []importLine, upTo int, done bool) error {
	err := im.append(lines, upTo, done)
	if err == nil || !blamesEvents(err) {
		return err
	}
	if errors.Is(err, firn.ErrPartialRepeat) {
		known, err := im.isStored(lines)
		if err != nil {
			return err
		}
		if known {
			im.known += len(lines)
			return im.append(nil, upTo, done)
		}
	}
	if len(lines) <= 1 {
		if len(lines) == 0 {
			return err
		}
		if err := im.refuse(lines[0].number, err); err != nil {
			return err
		}
		return im.append(nil, upTo, done)
	}
	half := len(lines) / 2
	if err := im.store(lines[:half], lines[half-1].number, false); err != nil {
		return err
	}
	return im.store(lines[half:], upTo, done)
}

// isStored reports whether the store has all of the lines' events. It is asked
// only when it has some of them, so this appends nothing.
func (im *importer) isStored(lines []importLine) (bool, error) {
	if len(lines) == 0 {
		return false, nil
	}
	_, err := im.persist(time.Time{}, writesOf(lines))
	if err != nil && blamesEvents(err) {
		return false, nil
	}
	return err == nil, err
}

// append appends lines and progress in one atomic step.
func (im *importer) append(lines []importLine, upTo int, done bool) error {
	next := im.progress
	next.Line, next.Events, next.Done = upTo, next.Events+len(lines), done
	next.Refused = im.before.Refused + im.refused
	at := im.timeOf(lines)
	if im.dated && at.IsZero() && !done {
		im.progress = next // written down with the first event: its time must be the store's first
		return nil
	}
	progress := next.write(im.stream, im.last)
	appended, err := im.persistDated(at, append(writesOf(lines), progress), len(lines))
	if err != nil {
		return im.explainConflict(err)
	}
	im.progress = next
	im.last = firn.At(appended.Writes[len(appended.Writes)-1].LastRevision)
	im.stored += len(lines)
	im.patience.moved()
	return nil
}

// blamesEvents reports whether the store refused an append for what is in it.
func blamesEvents(err error) bool {
	for _, k := range []firn.Kind{firn.ErrInvalid, firn.ErrTooLarge, firn.ErrTombstoned, firn.ErrIDReused, firn.ErrPartialRepeat} {
		if errors.Is(err, k) {
			return true
		}
	}
	return false
}

// persist appends until it is known whether that was done: a leader that dies
// must not end an import. The ids make the repetition safe.
func (im *importer) persist(at time.Time, writes []firn.Write) (firn.Appended, error) {
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		ctx, cancel := context.WithTimeout(im.ctx, im.timeout)
		done, err := im.appendOnce(ctx, at, writes)
		cancel()
		var e *firn.Error
		again := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) && e.Retry() != firn.RetryNo
		if err == nil || !again {
			return done, err
		}
		select {
		case <-im.ctx.Done():
			return done, err // says more than that the time is over
		case <-time.After(pause):
		}
	}
}

// pace waits until n more events may be appended under --rate.
func (im *importer) pace(n int) error {
	if im.rate == 0 || n == 0 {
		return nil
	}
	due := im.began.Add(time.Duration(float64(im.stored+im.known) / float64(im.rate) * float64(time.Second)))
	wait := due.Sub(im.now())
	if wait <= 0 {
		return nil
	}
	im.patience.rest()
	defer im.patience.moved()
	select {
	case <-im.ctx.Done():
		return im.ctx.Err()
	case <-time.After(wait):
		return nil
	}
}
