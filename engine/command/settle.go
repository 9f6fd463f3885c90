package command

import (
	"encoding/binary"

	"github.com/firndb/firn"
)

// Settle moves a consumer group on by one step: it says where the group stands
// after the answers that its coordinator, on the leader, has gathered. It is
// judged against the step before it, so that a coordinator whose view is old
// changes nothing.
//
//	group     uvarint length, bytes
//	created   uvarint, position of the group's first definition
//	step      uvarint, one above the step that this one builds on
//	rewind    1 byte: 1, the group begins again behind through; else 0
//	through   uvarint, position: up to here every event was looked at
//	open      uvarint count, then each: uvarint, position less the one before
//	counts    see Counts, uvarint each
//	removed   uvarint count, then each: see Aside, only up to the flags
//	added     uvarint count, then each: see Aside
type Settle struct {
	Group   []byte
	Created firn.Position
	Step    uint64
	Rewind  bool
	Through firn.Position
	Open    []firn.Position // at or below Through, neither settled nor set aside; they grow
	Counts  Counts
	Removed []Aside // as they were
	Added   []Aside
}

// Counts are how many asides a group has.
type Counts struct {
	Due      uint64 // to be delivered
	Retrying uint64 // of these, after a failed attempt
	Parked   uint64
	Waiting  uint64 // of these, those whose stream waits
}

// Aside is an event that a group has set aside, so that the events behind it
// can go on. One that holds its stream stands for all later events of the
// stream, too.
//
//	state     1 byte
//	position  uvarint
//	due       uvarint, µs since 1970
//	stream    uvarint length, bytes
//	flags     1 byte: 1 holds · 2 replay
//	revision  uvarint
//	attempts  uvarint
//	parked    uvarint, µs since 1970
//	reason    uvarint length, bytes
type Aside struct {
	State    AsideState
	Position firn.Position // of the event, or for a stream that catches up a bound: it is not before
	Due      uint64        // µs: when to deliver it; 0: at once
	Stream   []byte
	Holds    bool // the stream's later events wait for this one
	Replay   bool // it was parked or passed before

	Revision uint64 // of the event; for a stream that catches up, it is not before
	Attempts uint32 // that have failed
	Parked   uint64 // µs: when it was parked
	Reason   []byte // of the last failure
}

// AsideState says what an aside waits for.
type AsideState uint8

// The states. The list only grows at its end.
const (
	AsideDue    AsideState = 1 // its time, to be delivered
	AsideParked AsideState = 2 // somebody who replays or drops it
)

const (
	asideHolds  = 1
	asideReplay = 2
)

func (*Settle) kind() Kind { return KindSettle }

func (s *Settle) appendBody(dst []byte) []byte {
	dst = appendBytes(dst, s.Group)
	dst = binary.AppendUvarint(dst, uint64(s.Created))
	dst = binary.AppendUvarint(dst, s.Step)
	rewind := byte(0)
	if s.Rewind {
		rewind = 1
	}
	dst = binary.AppendUvarint(append(dst, rewind), uint64(s.Through))
	dst = AppendOpen(dst, s.Open)
	for _, n := range []uint64{s.Counts.Due, s.Counts.Retrying, s.Counts.Parked, s.Counts.Waiting} {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.Removed)))
	for i := range s.Removed {
		dst = s.Removed[i].appendHead(dst)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.Added)))
	for i := range s.Added {
		a := &s.Added[i]
		dst = binary.AppendUvarint(a.appendHead(dst), a.Revision)
		dst = binary.AppendUvarint(dst, uint64(a.Attempts))
		dst = binary.AppendUvarint(dst, a.Parked)
		dst = appendBytes(dst, a.Reason)
	}
	return dst
}

// AppendOpen appends positions that grow, in the form drawn at [Settle].
func AppendOpen(dst []byte, open []firn.Position) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(open)))
	before := firn.Position(0)
	for _, p := range open {
		dst = binary.AppendUvarint(dst, uint64(p-before))
		before = p
	}
	return dst
}

func (a *Aside) appendHead(dst []byte) []byte {
	dst = binary.AppendUvarint(append(dst, byte(a.State)), uint64(a.Position))
	dst = appendBytes(binary.AppendUvarint(dst, a.Due), a.Stream)
	return append(dst, a.Flags())
}

// Flags returns Holds and Replay as one byte.
func (a *Aside) Flags() (flags byte) {
	if a.Holds {
		flags |= asideHolds
	}
	if a.Replay {
		flags |= asideReplay
	}
	return flags
}

// SetFlags is the inverse of Flags; ok is false for a byte that Flags never
// returns.
func (a *Aside) SetFlags(flags byte) (ok bool) {
	a.Holds, a.Replay = flags&asideHolds > 0, flags&asideReplay > 0
	return flags == a.Flags()
}

func (s *Settle) parseBody(r *reader) {
	s.Group = r.bytes()
	s.Created, s.Step = firn.Position(r.uvarint()), r.uvarint()
	rewind := r.byte()
	if rewind > 1 {
		r.fail("rewind")
	}
	s.Rewind = rewind == 1
	s.Through = firn.Position(r.uvarint())
	s.Open = make([]firn.Position, r.count())
	before := firn.Position(0)
	for i := range s.Open {
		s.Open[i] = before + firn.Position(r.uvarint())
		before = s.Open[i]
	}
	s.Counts = Counts{r.uvarint(), r.uvarint(), r.uvarint(), r.uvarint()}
	s.Removed = make([]Aside, r.count())
	for i := range s.Removed {
		s.Removed[i].parseHead(r)
	}
	s.Added = make([]Aside, r.count())
	for i := range s.Added {
		a := &s.Added[i]
		a.parseHead(r)
		a.Revision = r.uvarint()
		attempts := r.uvarint()
		if attempts > 1<<32-1 {
			r.fail("attempts")
		}
		a.Attempts, a.Parked, a.Reason = uint32(attempts), r.uvarint(), r.bytes()
	}
}

func (a *Aside) parseHead(r *reader) {
	a.State, a.Position, a.Due = AsideState(r.byte()), firn.Position(r.uvarint()), r.uvarint()
	a.Stream = r.bytes()
	if !a.SetFlags(r.byte()) {
		r.fail("flags")
	}
}
