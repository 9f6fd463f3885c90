package engine

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/firndb/firn"
)

// ImageInfo says what an image holds.
type ImageInfo struct {
	Index, Term uint64 // of the last entry that is in it
	Head        firn.Position
	Chain       uint64 // the hash chain after that entry
	Cluster     [16]byte
	History     [16]byte
	Extra       []byte // the sender's own, at most 1 MiB; not looked at here
}

// imageExtraMax bounds Extra.
const imageExtraMax = 1 << 20

// The info, as it stands at the beginning of an image and in the marker of one
// that was received:
//
//	magic            7 bytes, "FIRNIMG"
//	version          1 byte, 1
//	length           uvarint, of what follows without the checksum
//	index, term      uvarint each
//	head             uvarint
//	chain            8 bytes
//	cluster, history 16 bytes each
//	extra            uvarint length, bytes
//	checksum         8 bytes, xxhash64 of all of the above
const (
	imageMagic   = "FIRNIMG"
	imageVersion = 1
)

func (i *ImageInfo) append(dst []byte) []byte {
	start := len(dst)
	var body []byte
	for _, n := range []uint64{i.Index, i.Term, uint64(i.Head)} {
		body = binary.AppendUvarint(body, n)
	}
	body = binary.BigEndian.AppendUint64(body, i.Chain)
	body = append(append(body, i.Cluster[:]...), i.History[:]...)
	body = appendBytes(body, i.Extra)
	dst = append(append(dst, imageMagic...), imageVersion)
	dst = appendBytes(dst, body)
	return binary.BigEndian.AppendUint64(dst, xxhash.Sum64(dst[start:]))
}

// imageInfoMax is the longest info, with all that is around it.
const imageInfoMax = 128 + imageExtraMax

// parseImageInfo parses an info without its checksum, which covers header, the
// bytes up to and with the length, and body.
func parseImageInfo(header, body []byte, sum uint64) (i ImageInfo, err error) {
	hash := xxhash.New()
	hash.Write(header)
	hash.Write(body)
	if actual := hash.Sum64(); actual != sum {
		return i, firn.Errorf(firn.ErrDamaged, "the image's head has checksum %016x, its bytes give %016x; send it again", sum, actual)
	}
	r := reader{rest: body}
	i.Index, i.Term, i.Head, i.Chain = r.uvarint(), r.uvarint(), firn.Position(r.uvarint()), r.fixed64()
	copy(i.Cluster[:], r.take(len(i.Cluster)))
	copy(i.History[:], r.take(len(i.History)))
	i.Extra = append([]byte(nil), r.bytes()...)
	if !r.done() || len(i.Extra) > imageExtraMax {
		return ImageInfo{}, firn.Errorf(firn.ErrDamaged, "the image's head of %d bytes is malformed; send it again", len(body))
	}
	return i, nil
}
