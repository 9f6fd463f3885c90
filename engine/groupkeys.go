package engine

import (
	"bytes"
	"encoding/binary"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
)

// The keys of a consumer group, behind g, its name and 0x00:
//
//	p                                        where it stands: see GroupProgress
//	a | state u8 | position u64 | stream     an aside
//	h | stream                               which aside holds the stream: its state and position
//	t | due u64 | position u64 | stream      an aside of state due, by its time
//
// An h or t is only as good as the a that it leads to. Rewinding a group takes
// many a away at once, and leaves those h and t behind: they mean nothing.
const (
	groupProgress = 'p'
	groupAside    = 'a'
	groupHeld     = 'h'
	groupDue      = 't'
)

func appendGroupPrefix[T text](dst []byte, group T) []byte {
	return append(append(append(dst, prefixGroup), group...), nameEnd)
}

func progressKey[T text](group T) []byte { return append(appendGroupPrefix(nil, group), groupProgress) }

func appendAsidePrefix[T text](dst []byte, group T, state command.AsideState) []byte {
	return append(appendGroupPrefix(dst, group), groupAside, byte(state))
}

func appendAsideKey[T, U text](dst []byte, group T, state command.AsideState, p firn.Position, stream U) []byte {
	return append(binary.BigEndian.AppendUint64(appendAsidePrefix(dst, group, state), uint64(p)), stream...)
}

func appendHeldKey[T, U text](dst []byte, group T, stream U) []byte {
	return append(append(appendGroupPrefix(dst, group), groupHeld), stream...)
}

func appendDueKey[T, U text](dst []byte, group T, due uint64, p firn.Position, stream U) []byte {
	dst = binary.BigEndian.AppendUint64(append(appendGroupPrefix(dst, group), groupDue), due)
	return append(binary.BigEndian.AppendUint64(dst, uint64(p)), stream...)
}

// prefixEnd returns the first key behind all that begin with a prefix, whose
// last byte is not 0xff.
func prefixEnd(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	end[len(end)-1]++
	return end
}

// parseGroupKey takes the name off a g key, and returns what follows it.
func parseGroupKey(key []byte) (group string, rest []byte, ok bool) {
	if len(key) < 1+1+1+1 || key[0] != prefixGroup {
		return "", nil, false
	}
	end := bytes.IndexByte(key[1:], nameEnd)
	if end < 1 || 1+end+1 == len(key) {
		return "", nil, false
	}
	return string(key[1 : 1+end]), key[1+end+1:], true
}

// parseAsideKey fills in what an a key says; rest is what follows the group's
// name.
func parseAsideKey(rest []byte, a *command.Aside) bool {
	if len(rest) < 1+1+8+1 || rest[0] != groupAside {
		return false
	}
	a.State = command.AsideState(rest[1])
	a.Position = firn.Position(binary.BigEndian.Uint64(rest[2:]))
	a.Stream = bytes.Clone(rest[10:])
	return a.State == command.AsideDue || a.State == command.AsideParked
}

// parseDueKey fills in what a t key says.
func parseDueKey(rest []byte, a *command.Aside) bool {
	if len(rest) < 1+8+8+1 || rest[0] != groupDue {
		return false
	}
	a.State, a.Due = command.AsideDue, binary.BigEndian.Uint64(rest[1:])
	a.Position = firn.Position(binary.BigEndian.Uint64(rest[9:]))
	a.Stream = bytes.Clone(rest[17:])
	return true
}
