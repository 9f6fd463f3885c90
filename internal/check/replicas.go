package check

import (
	"bytes"
	"slices"

	"github.com/firndb/firn"
)

// Replicas is what [Same] knows: all replicas hold the same, byte by byte, and
// their hash chains are equal at an equal index.
const Replicas = "replicas"

// Replica is what one node has.
type Replica struct {
	Name         string
	Log          []firn.Event // all of it, system streams included
	Index, Chain uint64       // the hash chain after the command at an index; 0: not asked
}

// Same holds replicas against each other, once each has applied all that is
// committed.
func Same(replicas []Replica) error {
	var f faults
	for i := 1; i < len(replicas); i++ {
		a, b := &replicas[0], &replicas[i]
		if len(a.Log) != len(b.Log) {
			f.add(Replicas, "%s has %d events, %s has %d", a.Name, len(a.Log), b.Name, len(b.Log))
		}
		for j := range min(len(a.Log), len(b.Log)) {
			if x, y := &a.Log[j], &b.Log[j]; !sameEvent(x, y) {
				f.add(Replicas, "%s and %s differ at position %d:\n%+v\n%+v", a.Name, b.Name, x.Position, x, y)
				break
			}
		}
		for _, c := range replicas[:i] {
			if c.Index == b.Index && c.Chain != b.Chain {
				f.add(Replicas, "after index %d the hash chain of %s is %016x, that of %s is %016x", b.Index, c.Name, c.Chain, b.Name, b.Chain)
			}
		}
	}
	return f.err()
}

func sameEvent(a, b *firn.Event) bool {
	return a.Stream == b.Stream && a.Revision == b.Revision && a.Position == b.Position && a.Time.Equal(b.Time) &&
		a.ID == b.ID && a.Type == b.Type && a.Schema == b.Schema && a.ContentType == b.ContentType &&
		bytes.Equal(a.Data, b.Data) && bytes.Equal(a.Metadata, b.Metadata) &&
		a.CorrelationID == b.CorrelationID && a.CausationID == b.CausationID && a.Occurred.Equal(b.Occurred) &&
		a.Actor == b.Actor && a.Index == b.Index && a.Count == b.Count
}

// Repeat is what [SameAnswer] knows: an append that was acknowledged, and is
// repeated with the same ids, gets the first answer, and is not done again.
const Repeat = "repeat"

// SameAnswer judges the answer to a repetition of an acknowledged append. That
// the node asked cannot answer now says nothing.
func SameAnswer(first *Op, told firn.Appended, err error) error {
	a := first.Asked.(*Append)
	var f faults
	switch {
	case err != nil && !Settles(err):
	case err != nil:
		f.add(Repeat, "%s, was repeated and then refused: %v", first, err)
	case !told.Repeated && len(told.Writes) > 0:
		f.add(Repeat, "%s, was done once more at position %d", first, told.Position)
	case len(told.Writes) > 0 && (told.Position != a.Told.Position || !told.Time.Equal(a.Told.Time) || !slices.EqualFunc(told.Writes, a.Told.Writes, sameWritten)):
		f.add(Repeat, "%s, was repeated and told %+v instead of %+v", first, told, a.Told)
	}
	return f.err()
}

func sameWritten(a, b firn.Written) bool {
	return a.Stream == b.Stream && a.FirstRevision == b.FirstRevision && a.LastRevision == b.LastRevision &&
		a.FirstPosition == b.FirstPosition && a.LastPosition == b.LastPosition && slices.Equal(a.IDs, b.IDs)
}
