package firn

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// StreamNameBytesMax is the longest stream name, in bytes.
const StreamNameBytesMax = 512

// CategoriesStream is the system stream that holds the limits of categories.
// A change to it names the category in [Limits.Category].
const CategoriesStream = "$categories"

// DefinitionsStream is the system stream that records every change of what the
// cluster's members share: groups, folds, upcasters, schemas, users.
const DefinitionsStream = "$definitions"

// ScavengesStream is the system stream that records each scavenge: from there on
// what was hidden is gone from every point in time.
const ScavengesStream = "$scavenges"

// TypeScavenged is the type of the events in [ScavengesStream].
const TypeScavenged = "$scavenged"

// Revision is a place in a stream, from 0, assigned without gap.
type Revision uint64

// Position is a place in the whole log, from 1, assigned without gap. Position
// 0 is before the first event.
type Position uint64

// CheckStreamName says what is wrong with a stream's name, or nil: 1 to 512
// bytes of UTF-8, without control characters, not beginning or ending with a
// space. The error is an [ErrInvalid] *Error.
func CheckStreamName(name string) error {
	switch {
	case name == "":
		return Errorf(ErrInvalid, "the stream's name is empty; give it 1 to %d bytes", StreamNameBytesMax)
	case len(name) > StreamNameBytesMax && !(len(name) <= StreamNameBytesMax+len(lifePrefix) && strings.HasPrefix(name, lifePrefix)):
		return Errorf(ErrInvalid, "the stream's name has %d bytes (%.32q…); at most %d are allowed", len(name), name, StreamNameBytesMax)
	case !utf8.ValidString(name):
		return Errorf(ErrInvalid, "the stream's name %.64q is not UTF-8", name)
	case name[0] == ' ' || name[len(name)-1] == ' ':
		return Errorf(ErrInvalid, "the stream's name %.64q begins or ends with a space", name)
	}
	if i := strings.IndexFunc(name, unicode.IsControl); i >= 0 {
		return Errorf(ErrInvalid, "the stream's name %.64q has a control character at byte %d", name, i)
	}
	return nil
}

// Category returns the part of a stream's name before the first '-', or ""
// where there is none: a name without '-', or beginning with it.
func Category(stream string) string {
	category, _, found := strings.Cut(stream, "-")
	if !found {
		return ""
	}
	return category
}

// CheckCategory says what is wrong with a category's name, or nil.
func CheckCategory(category string) error {
	if strings.Contains(category, "-") {
		return Errorf(ErrInvalid, "the category %.64q contains '-'; a category is the part of a stream's name before the first '-'", category)
	}
	if err := CheckStreamName(category); err != nil {
		return Errorf(ErrInvalid, "category: %v", err)
	}
	return nil
}

// ImportStreamPrefix begins the names of the streams in which imports keep
// their progress. They are the only system streams that callers append to.
const ImportStreamPrefix = "$import-"

// CheckWritable says why a caller may not append to a stream of this name, or
// nil.
func CheckWritable(stream string) error {
	if err := CheckStreamName(stream); err != nil {
		return err
	}
	if IsSystem(stream) && !strings.HasPrefix(stream, ImportStreamPrefix) {
		return Errorf(ErrInvalid, "the stream %.64q belongs to the system; names that you append to do not begin with '$'", stream)
	}
	return nil
}

// IsSystem reports whether the stream belongs to the system: its name begins
// with '$'. Only Firn writes to such streams.
func IsSystem(stream string) bool { return strings.HasPrefix(stream, "$") }

// LifeStream returns the system stream that records the life of a stream.
func LifeStream(stream string) string { return lifePrefix + stream }

const lifePrefix = "$$"

// LifeState is where a stream stands in its life.
type LifeState uint8

// The states of a stream's life. The numbers are written to disk and wire.
const (
	Live       LifeState = 1
	Deleted    LifeState = 2 // soft: the name can be used again, revisions go on
	Tombstoned LifeState = 3 // for good
)

func (s LifeState) String() string {
	switch s {
	case Live:
		return "live"
	case Deleted:
		return "deleted"
	case Tombstoned:
		return "tombstoned"
	}
	return fmt.Sprintf("LifeState(%d)", uint8(s))
}

// StreamInfo describes a stream as of a position.
type StreamInfo struct {
	Name     string
	State    LifeState
	Position Position // the description holds as of this position

	Revision      Revision // the last one assigned, visible or not
	FirstRevision Revision // the first visible one; meaningful where Events > 0
	Events        uint64   // visible events
	Bytes         uint64   // of the visible events, as stored
	FirstTime     time.Time
	LastTime      time.Time // both zero where Events == 0

	MaxAge   time.Duration // the stream's own limits; 0: none
	MaxCount uint64
	Metadata []byte // free metadata, as set last; nil: none

	Open bool // asked as of a moment that later events may still fall into
}
