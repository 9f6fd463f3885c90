package command

import (
	"encoding/binary"

	"github.com/firndb/firn"
)

// Snapshot keeps a fold's state of one stream at one revision.
//
//	actor     uvarint length, bytes
//	stream    uvarint length, bytes
//	fold      uvarint length, bytes
//	version   16 bytes
//	revision  uvarint
//	partial   1 byte: 1 where the stream's beginning was hidden, else 0
//	state     uvarint length, bytes
type Snapshot struct {
	Actor    []byte
	Stream   []byte
	Fold     []byte
	Version  firn.FoldVersion
	Revision firn.Revision
	Partial  bool
	State    []byte
}

func (*Snapshot) kind() Kind { return KindSnapshot }

func (s *Snapshot) appendBody(dst []byte) []byte {
	dst = appendBytes(dst, s.Actor)
	dst = appendBytes(dst, s.Stream)
	dst = appendBytes(dst, s.Fold)
	dst = append(dst, s.Version[:]...)
	dst = binary.AppendUvarint(dst, uint64(s.Revision))
	partial := byte(0)
	if s.Partial {
		partial = 1
	}
	return appendBytes(append(dst, partial), s.State)
}

func (s *Snapshot) parseBody(r *reader) {
	s.Actor = r.bytes()
	s.Stream = r.bytes()
	s.Fold = r.bytes()
	copy(s.Version[:], r.take(len(s.Version)))
	s.Revision = firn.Revision(r.uvarint())
	partial := r.byte()
	if partial > 1 {
		r.fail("partial")
	}
	s.Partial = partial == 1
	s.State = r.bytes()
}
