package engine

import (
	"encoding/binary"
	"slices"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// Limits of what applying a Settle takes.
const (
	GroupsMax          = 1024      // groups that exist at once
	GroupOpenMax       = 16 << 10  // events that one group has neither settled nor set aside
	GroupAsidesMax     = 4096      // removed or added by one step, each
	GroupReasonMax     = 1024      // bytes
	groupStepBytesMax  = 512 << 10 // of streams' names and reasons in one step
	groupAsideOverhead = 64
)

// GroupProgress is where a group stands. What it points at is not to be
// changed.
//
// Every matching event is in one of four cases: it is behind Through; it is in
// Open; it is at or behind an aside that holds its stream, or an aside itself;
// or it is settled.
type GroupProgress struct {
	Name    string
	Created firn.Position // of the group's first definition: another group of the same name has another
	Step    uint64        // how many steps were applied since
	Through firn.Position
	Reached firn.Position   // the highest Through before a rewind: what is delivered up to here was looked at before
	Open    []firn.Position // at or below Through; they grow
	Counts  command.Counts
}

// Floor returns the position up to which nothing is open.
func (g *GroupProgress) Floor() firn.Position {
	if len(g.Open) > 0 {
		return g.Open[0] - 1
	}
	return g.Through
}

// The value of g … p:
//
//	version  1
//	created, step, through, reached  uvarint each
//	due, retrying, parked, waiting   uvarint each
//	open     uvarint count, then each: uvarint, position less the one before
func (g *GroupProgress) append(dst []byte) []byte {
	dst = append(dst, valueVersion)
	for _, n := range []uint64{uint64(g.Created), g.Step, uint64(g.Through), uint64(g.Reached), g.Counts.Due, g.Counts.Retrying, g.Counts.Parked, g.Counts.Waiting} {
		dst = binary.AppendUvarint(dst, n)
	}
	return command.AppendOpen(dst, g.Open)
}

func parseGroupProgress(key, value []byte) (*GroupProgress, error) {
	name, rest, ok := parseGroupKey(key)
	r := readValue(value)
	g := &GroupProgress{Name: name, Created: firn.Position(r.uvarint()), Step: r.uvarint(), Through: firn.Position(r.uvarint()), Reached: firn.Position(r.uvarint())}
	g.Counts = command.Counts{Due: r.uvarint(), Retrying: r.uvarint(), Parked: r.uvarint(), Waiting: r.uvarint()}
	before := firn.Position(0)
	for n := r.count(); n > 0 && !r.failed; n-- {
		before += firn.Position(r.uvarint())
		g.Open = append(g.Open, before)
	}
	if !ok || string(rest) != string(rune(groupProgress)) || !r.done() {
		return nil, damagedValue(key, value)
	}
	return g, nil
}

// The value of g … a:
//
//	version   1
//	flags     1 byte: 1 holds · 2 replay
//	revision, attempts  uvarint each
//	due, parked         uvarint each, µs since 1970
//	reason    uvarint length, bytes
func appendAside(dst []byte, a *command.Aside) []byte {
	dst = append(dst, valueVersion, a.Flags())
	for _, n := range []uint64{a.Revision, uint64(a.Attempts), a.Due, a.Parked} {
		dst = binary.AppendUvarint(dst, n)
	}
	return appendBytes(dst, a.Reason)
}

func parseAside(key, value []byte) (a command.Aside, err error) {
	_, rest, ok := parseGroupKey(key)
	ok = ok && parseAsideKey(rest, &a)
	r := readValue(value)
	if flags := r.take(1); flags != nil {
		ok = ok && a.SetFlags(flags[0])
	}
	a.Revision, a.Attempts, a.Due, a.Parked = r.uvarint(), r.uint32(), r.uvarint(), r.uvarint()
	a.Reason = slices.Clone(r.bytes())
	if !ok || !r.done() {
		return command.Aside{}, damagedValue(key, value)
	}
	return a, nil
}

// The value of g … h: version 1, state, position, uvarint each.
func appendHeld(dst []byte, a *command.Aside) []byte {
	dst = binary.AppendUvarint(append(dst, valueVersion), uint64(a.State))
	return binary.AppendUvarint(dst, uint64(a.Position))
}

func parseHeldBy(key, value []byte) (state command.AsideState, p firn.Position, err error) {
	r := readValue(value)
	number, p := r.uvarint(), firn.Position(r.uvarint())
	if !r.done() || number == 0 || number > uint64(command.AsideParked) {
		return 0, 0, damagedValue(key, value)
	}
	return command.AsideState(number), p, nil
}
