package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
)

// appendLine is one line of append --stdin.
type appendLine struct {
	write       firn.Write // without drafts
	expectGiven bool
	check       bool // a condition, no event
	draft       firn.Draft
	actor       string
}

// runAppendLines appends the lines of standard input: all in one atomic step,
// or each by itself.
func runAppendLines(s *session, defaults appendLine, separately bool) error {
	var lines []appendLine
	s.patience.rest() // whoever writes the lines may take their time
	err := readLines(s.in, appendLineBytesMax, func(number int, text []byte, tooLong bool) error {
		if tooLong {
			return usage("line %d has more than %d MiB; an event holds at most %d MiB", number, appendLineBytesMax>>20, firn.EventBytesMax>>20)
		}
		l, err := parseAppendLine(text, defaults)
		if err != nil {
			return usage("line %d: %v", number, err)
		}
		if !l.check {
			l.draft.SetActor(l.actor)
		}
		if !separately {
			if len(lines) >= firn.AppendEventsMax {
				return usage("more than %d lines; one atomic append holds no more. With --each every line is an append of its own", firn.AppendEventsMax)
			}
			lines = append(lines, l)
			return nil
		}
		s.patience.moved()
		defer s.patience.rest()
		if err := s.appendAll([]appendLine{l}); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		return nil
	})
	s.patience.moved()
	if err != nil || separately {
		return err
	}
	if len(lines) == 0 {
		return usage("standard input has no lines; give one JSON object a line")
	}
	return s.appendAll(lines)
}

func (s *session) appendAll(lines []appendLine) error {
	writes, err := gather(lines)
	if err != nil {
		return err
	}
	done, err := s.db.Append(s.ctx, writes...)
	if err != nil {
		var ids []firn.ID
		for _, w := range writes {
			for _, d := range w.Drafts {
				ids = append(ids, d.ID)
			}
		}
		return unknownOutcome(err, ids, func() string { return keepLines(lines) })
	}
	return s.print.appended(&done)
}

// gather makes one write of all lines of a stream.
func gather(lines []appendLine) ([]firn.Write, error) {
	var writes []firn.Write
	place := map[string]int{}
	said := map[string]bool{}
	for _, l := range lines {
		i, ok := place[l.write.Stream]
		if !ok {
			i = len(writes)
			place[l.write.Stream] = i
			writes = append(writes, l.write)
		} else if l.expectGiven {
			if said[l.write.Stream] && writes[i].Expect != l.write.Expect {
				return nil, usage("the lines for stream %q expect both %s and %s; all are one atomic append, so say it once",
					l.write.Stream, writes[i].Expect, l.write.Expect)
			}
			writes[i].Expect = l.write.Expect
		}
		said[l.write.Stream] = said[l.write.Stream] || l.expectGiven
		if !l.check {
			writes[i].Drafts = append(writes[i].Drafts, l.draft)
		}
	}
	return writes, nil
}

func parseAppendLine(text []byte, l appendLine) (appendLine, error) {
	members, err := jsonline.Members(text)
	if err != nil {
		return l, err
	}
	hasData := len(l.draft.Data) > 0
	for i := range members {
		m := &members[i]
		switch m.Name {
		case "stream":
			l.write.Stream, err = m.String()
		case "type":
			l.draft.Type, err = m.String()
		case "data":
			l.draft.Data, hasData = jsonline.Compact(nil, m.Value), true
		case "metadata":
			if l.draft.Metadata = jsonline.Compact(nil, m.Value); m.IsNull() {
				l.draft.Metadata = nil
			}
		case "id":
			var id string
			if id, err = m.String(); err == nil {
				l.draft.ID, err = firn.ParseID(id)
			}
		case "schema":
			var n uint64
			if n, err = strconv.ParseUint(string(m.Value), 10, 32); err != nil {
				err = fmt.Errorf("schema is %.40s; it must be a number from 0 to %d", m.Value, uint32(1<<32-1))
			}
			l.draft.Schema = uint32(n)
		case "correlation_id":
			l.draft.CorrelationID, err = m.String()
		case "causation_id":
			l.draft.CausationID, err = m.String()
		case "expect":
			l.write.Expect, err = firn.ParseExpectation(strings.Trim(string(m.Value), `"`))
			l.expectGiven = true
		case "check":
			if l.check = string(m.Value) == "true"; !l.check && string(m.Value) != "false" {
				err = fmt.Errorf("check is %.40s; it must be true or false", m.Value)
			}
		default:
			err = fmt.Errorf("unknown key %q; known are stream, type, data, metadata, id, schema, expect, correlation_id, causation_id and check", m.Name)
		}
		if err != nil {
			return l, err
		}
	}
	switch {
	case l.write.Stream == "":
		return l, errors.New(`no "stream", and no STREAM on the command line`)
	case l.check:
		return l, nil
	case l.draft.Type == "":
		return l, errors.New(`no "type", and no --type on the command line`)
	case !hasData:
		return l, errors.New(`no "data"; write null where there is none`)
	}
	if l.draft.ID.IsZero() {
		l.draft.ID = firn.NewID()
	}
	return l, nil
}

// appendLineBytesMax leaves room for the largest event with every byte escaped.
const appendLineBytesMax = 32 << 20

// keepLines writes the lines, ids included, where they can be appended from
// again, and returns the command that does so.
func keepLines(lines []appendLine) string {
	var b bytes.Buffer
	for i := range lines {
		l := &lines[i]
		var o jsonline.Object
		o.String("stream", l.write.Stream)
		if l.expectGiven {
			o.JSON("expect", eventjson.Expectation(l.write.Expect))
		}
		if l.check {
			o.Bool("check", true)
		} else {
			o.String("type", l.draft.Type)
			o.JSON("data", orNull(l.draft.Data))
			o.JSON("metadata", orNull(l.draft.Metadata))
			o.String("id", l.draft.ID.String())
			o.Uint("schema", uint64(l.draft.Schema))
			if l.draft.CorrelationID != "" {
				o.String("correlation_id", l.draft.CorrelationID)
			}
			if l.draft.CausationID != "" {
				o.String("causation_id", l.draft.CausationID)
			}
		}
		b.Write(append(o.Bytes(), '\n'))
	}
	f, err := os.CreateTemp("", "firn-repeat-*.ndjson")
	if err == nil {
		_, err = f.Write(b.Bytes())
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return "firn append --stdin <<'END'\n" + b.String() + "END"
	}
	return "firn append --stdin < " + shellQuote(f.Name())
}

func orNull(b []byte) []byte {
	if len(b) == 0 {
		return []byte("null")
	}
	return b
}

// readLines calls do for every line that is not blank. A line over bytesMax is
// read to its end but not kept.
func readLines(r io.Reader, bytesMax int, do func(number int, text []byte, tooLong bool) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	tooLong := false
	for number := 1; ; {
		part, err := in.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > bytesMax; !tooLong {
			line = append(line, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && err != io.EOF {
			return err
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\uFEFF")) // some editors put it before UTF-8
		}
		if text := bytes.TrimSpace(line); len(text) > 0 || tooLong {
			if err := do(number, text, tooLong); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		line, tooLong = line[:0], false
		number++
	}
}
