package command

import "github.com/firndb/firn"

// Scavenge says that what is hidden from here on is gone from every point in
// time: each node may remove its bytes.
//
//	actor  uvarint length, bytes
//	id     16 bytes, of the event that will record it
type Scavenge struct {
	Actor []byte
	ID    firn.ID
}

func (*Scavenge) kind() Kind { return KindScavenge }

func (s *Scavenge) appendBody(dst []byte) []byte {
	return append(appendBytes(dst, s.Actor), s.ID[:]...)
}

func (s *Scavenge) parseBody(r *reader) {
	s.Actor = r.bytes()
	copy(s.ID[:], r.take(len(s.ID)))
}
