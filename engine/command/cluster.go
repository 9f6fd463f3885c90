package command

import "encoding/binary"

// Found is the first item of a history: the identity of the store, which every
// handshake, image and backup carries. It is proposed once, by the node that
// begins the cluster, and again with a new history after a restore or a
// recovery without the majority.
//
//	cluster  16 bytes
//	history  16 bytes
type Found struct {
	Cluster [16]byte
	History [16]byte
}

func (*Found) kind() Kind { return KindFound }

func (f *Found) appendBody(dst []byte) []byte {
	return append(append(dst, f.Cluster[:]...), f.History[:]...)
}

func (f *Found) parseBody(r *reader) {
	copy(f.Cluster[:], r.take(len(f.Cluster)))
	copy(f.History[:], r.take(len(f.History)))
}

// Version moves the cluster version, once every member knows it. It never goes
// back.
//
//	version  uvarint
type Version struct{ To uint64 }

func (*Version) kind() Kind { return KindVersion }

func (v *Version) appendBody(dst []byte) []byte { return binary.AppendUvarint(dst, v.To) }

func (v *Version) parseBody(r *reader) { v.To = r.uvarint() }
