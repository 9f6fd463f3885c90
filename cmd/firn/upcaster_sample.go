package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/upcaster"
)

func samplesField(samples []upcaster.Sample) field {
	objects := make([][]byte, len(samples))
	for i := range samples {
		objects[i] = objectLine([]field{raw("before", eventObject(&samples[i].Before)), raw("after", eventObject(&samples[i].After))})
	}
	return field{"samples", fmt.Sprint(len(samples)), jsonline.List(objects)}
}

func eventObject(e *firn.Event) []byte {
	var o jsonline.Object
	eventjson.Event(&o, e)
	return o.Bytes()
}

// leftColumnMax is how wide the older side of a sample may be where the width
// of the terminal is not known.
const leftColumnMax = 60

// sample prints an event before and after, side by side.
func (p *printer) sample(s *upcaster.Sample) {
	fmt.Fprintf(p.w, "\n%s/%d @%d\n", s.Before.Stream, s.Before.Revision, s.Before.Position)
	left, right := sampleLines(&s.Before), sampleLines(&s.After)
	width := 0
	for _, line := range left {
		width = max(width, utf8.RuneCountInString(line))
	}
	most := leftColumnMax
	if p.width > 0 {
		most = max(8, (p.width-3)/2)
	}
	width = min(width, most)
	for i := range max(len(left), len(right)) {
		var l, r string
		if i < len(left) {
			l = cut(left[i], width)
		}
		if i < len(right) {
			r = right[i]
		}
		if p.width > 0 {
			r = cut(r, most)
		}
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(l))
		fmt.Fprintln(p.w, strings.TrimRight(l+pad+" │ "+r, " "))
	}
}

// sampleLines are an event's type, version and data.
func sampleLines(e *firn.Event) []string {
	lines := []string{fmt.Sprintf("%s %d", e.Type, max(e.Schema, 1))}
	var text bytes.Buffer
	switch {
	case json.Indent(&text, e.Data, "", "  ") == nil:
		return append(lines, strings.Split(text.String(), "\n")...)
	case printable(e.Data):
		return append(lines, string(e.Data))
	}
	return append(lines, fmt.Sprintf("(%d bytes of %s)", len(e.Data), e.ContentType))
}

// cut shortens a line to a width.
func cut(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width-1]) + "…"
}
