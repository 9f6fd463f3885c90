package firn

import (
	"unicode"
	"unicode/utf8"
)

// draftOverhead is about what a record adds to a draft's own bytes. The exact
// size is a matter of the record's format, which a store in memory has not.
const draftOverhead = 32

// checkWrites says what is wrong with an append by itself, or nil.
func checkWrites(writes []Write) error {
	if len(writes) == 0 {
		return Errorf(ErrInvalid, "an append without writes; give it at least one draft or condition")
	}
	seen := map[string]bool{}
	events, bytes := 0, 0
	for _, w := range writes {
		check := CheckWritable
		if len(w.Drafts) == 0 {
			check = CheckStreamName
		}
		if err := check(w.Stream); err != nil {
			return err
		}
		if seen[w.Stream] {
			return Errorf(ErrInvalid, "the stream %.64q stands in two writes of one append; put its drafts into one", w.Stream)
		}
		seen[w.Stream] = true
		ids := map[ID]bool{}
		for _, d := range w.Drafts {
			if ids[d.ID] {
				return Errorf(ErrInvalid, "two drafts for stream %.64q have the id %s; an id names one event", w.Stream, d.ID)
			}
			ids[d.ID] = true
			if err := checkDraft(d); err != nil {
				return err
			}
			events++
			bytes += draftOverhead + len(d.Type) + len(d.ContentType) + len(d.Data) + len(d.Metadata) +
				len(d.CorrelationID) + len(d.CausationID)
		}
	}
	if events > AppendEventsMax {
		return Errorf(ErrTooLarge, "an append of %d events; at most %d are allowed, send several appends", events, AppendEventsMax)
	}
	if bytes > AppendBytesMax {
		return Errorf(ErrTooLarge, "an append of %d bytes; at most %d are allowed, send several appends", bytes, AppendBytesMax)
	}
	return nil
}

func checkDraft(d Draft) error {
	switch {
	case d.Type == "":
		return Errorf(ErrInvalid, "an event needs a type, of 1 to %d bytes", TypeBytesMax)
	case d.Type[0] == '$':
		return Errorf(ErrInvalid, "the type %.64q begins with '$'; such types are the system's", d.Type)
	}
	for _, text := range []struct {
		name, value string
		bytesMax    int
	}{
		{"type", d.Type, TypeBytesMax},
		{"content type", d.ContentType, ContentTypeMax},
		{"correlation id", d.CorrelationID, TraceBytesMax},
		{"causation id", d.CausationID, TraceBytesMax},
	} {
		if err := checkText(text.name, text.value, text.bytesMax); err != nil {
			return err
		}
	}
	if n := len(d.Data) + len(d.Metadata); n > EventBytesMax {
		return Errorf(ErrTooLarge, "an event of type %.64q has %d bytes of data and metadata; at most %d are allowed", d.Type, n, EventBytesMax)
	}
	return nil
}

func checkText(name, value string, bytesMax int) error {
	if len(value) > bytesMax {
		return Errorf(ErrTooLarge, "the %s has %d bytes; at most %d are allowed", name, len(value), bytesMax)
	}
	if !utf8.ValidString(value) {
		return Errorf(ErrInvalid, "the %s %.64q is not UTF-8", name, value)
	}
	for i, r := range value {
		if r <= unicode.MaxASCII && unicode.IsControl(r) {
			return Errorf(ErrInvalid, "the %s %.64q has a control character at byte %d", name, value, i)
		}
	}
	return nil
}
