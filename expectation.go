package firn

import (
	"fmt"
	"strconv"
)

// Expectation is what must still be true of a stream for an append to be
// accepted. The zero Expectation is [Any].
type Expectation struct {
	kind     expectationKind
	revision Revision
}

type expectationKind uint8

// The kinds of expectation, as written to disk and wire.
const (
	expectAny expectationKind = iota
	expectNone
	expectExists
	expectRevision
)

var (
	Any    = Expectation{}                   // whatever is there
	None   = Expectation{kind: expectNone}   // the stream was never written, or is deleted
	Exists = Expectation{kind: expectExists} // the stream is live
)

// At expects the stream's last revision to be r.
func At(r Revision) Expectation { return Expectation{kind: expectRevision, revision: r} }

// Exact returns the revision of an exact expectation.
func (e Expectation) Exact() (r Revision, ok bool) { return e.revision, e.kind == expectRevision }

// Code returns the expectation as two numbers, for encoding; see [ExpectationFromCode].
func (e Expectation) Code() (kind uint8, revision uint64) {
	return uint8(e.kind), uint64(e.revision)
}

// ExpectationFromCode is the inverse of Code.
func ExpectationFromCode(kind uint8, revision uint64) (Expectation, error) {
	if kind > uint8(expectRevision) || kind != uint8(expectRevision) && revision != 0 {
		return Expectation{}, Errorf(ErrInvalid, "unknown expectation (kind %d, revision %d)", kind, revision)
	}
	return Expectation{expectationKind(kind), Revision(revision)}, nil
}

// String returns any, none, exists or the revision, as the command line takes it.
func (e Expectation) String() string {
	switch e.kind {
	case expectAny:
		return "any"
	case expectNone:
		return "none"
	case expectExists:
		return "exists"
	}
	return strconv.FormatUint(uint64(e.revision), 10)
}

// ParseExpectation reads what String prints.
func ParseExpectation(s string) (Expectation, error) {
	switch s {
	case "any":
		return Any, nil
	case "none":
		return None, nil
	case "exists":
		return Exists, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return Expectation{}, Errorf(ErrInvalid, "expectation %q: want any, none, exists or a revision (0, 1, 2 …)", s)
	}
	return At(Revision(n)), nil
}

// words says the expectation in a sentence.
func (e Expectation) words() string {
	switch e.kind {
	case expectAny:
		return "anything"
	case expectNone:
		return "no stream"
	case expectExists:
		return "a live stream"
	}
	return fmt.Sprintf("revision %d", e.revision)
}
