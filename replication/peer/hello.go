package peer

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"unicode/utf8"

	"github.com/firndb/firn"
)

// The two messages of the handshake, each
//
//	version u8 = 1 | length u16 | body | crc u32
//
// where length counts the body and the CRC, and the CRC is CRC32C of everything
// before it. Numbers are big-endian. The bodies:
//
//	hello:   purpose u8 | cluster [16] | history [16] | from u8, bytes | to u8, bytes
//	welcome: status u8 | cluster [16] | history [16] | node u8, bytes | reason u16, bytes
//
// from and to are node ids; to is empty where the caller knows only the
// address. status is 0 (accepted, reason empty) or the number of the error's
// kind.
const (
	version = 1

	prefixBytes = 1 + 2
	crcBytes    = 4

	helloBytesMax   = 1 + 16 + 16 + 2*(1+nodeBytesMax) + crcBytes
	reasonBytesMax  = 1024
	welcomeBytesMax = 1 + 16 + 16 + 1 + nodeBytesMax + 2 + reasonBytesMax + crcBytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// purpose is what a connection is for.
type purpose uint8

// The purposes. The list only grows at its end.
const (
	purposeRaft purpose = 1
	purposeCall purpose = 2
)

type hello struct {
	purpose  purpose
	identity Identity
	from     string
	to       string // "": whoever answers
}

type welcome struct {
	refusal  *firn.Error // nil: accepted
	identity Identity
	node     string
}

func (h hello) append(b []byte) []byte {
	b = append(b, byte(h.purpose))
	b = appendIdentity(b, h.identity)
	b = appendName(b, h.from)
	return appendName(b, h.to)
}

func (w welcome) append(b []byte) []byte {
	status, reason := byte(0), ""
	if w.refusal != nil {
		status, reason = byte(w.refusal.Kind), cutText(w.refusal.Message, reasonBytesMax)
	}
	b = append(b, status)
	b = appendIdentity(b, w.identity)
	b = appendName(b, w.node)
	b = binary.BigEndian.AppendUint16(b, uint16(len(reason)))
	return append(b, reason...)
}

func appendIdentity(b []byte, id Identity) []byte {
	b = append(b, id.Cluster[:]...)
	return append(b, id.History[:]...)
}

func appendName(b []byte, name string) []byte {
	b = append(b, byte(len(name)))
	return append(b, name...)
}

// cutText shortens a text to at most n bytes, between two characters.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// frame puts version, length and CRC around a body.
func frame(body []byte) []byte {
	b := make([]byte, 0, prefixBytes+len(body)+crcBytes)
	b = append(b, version)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)+crcBytes))
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// readFrame reads one message of the handshake, and not a byte more. Errors of
// the connection are returned as they are, bad bytes as *firn.Error.
func readFrame(r io.Reader, bytesMax int) ([]byte, error) {
	var prefix [prefixBytes]byte
	if _, err := io.ReadFull(r, prefix[:1]); err != nil {
		return nil, err
	}
	if prefix[0] != version {
		return nil, firn.Errorf(firn.ErrUnsupported, "the peer port speaks version %d, not %d; this is the port for other Firn nodes, not for clients", version, prefix[0])
	}
	if _, err := io.ReadFull(r, prefix[1:]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(prefix[1:]))
	if length < crcBytes || length > bytesMax {
		return nil, firn.Errorf(firn.ErrInvalid, "a handshake of %d bytes; it has %d to %d", length, crcBytes, bytesMax)
	}
	rest := make([]byte, length)
	if _, err := io.ReadFull(r, rest); err != nil {
		return nil, err
	}
	body := rest[:length-crcBytes]
	crc := crc32.Update(crc32.Checksum(prefix[:], castagnoli), castagnoli, body)
	if crc != binary.BigEndian.Uint32(rest[length-crcBytes:]) {
		return nil, firn.Errorf(firn.ErrInvalid, "the handshake's checksum does not fit its bytes")
	}
	return body, nil
}

// reader takes a body apart; after the first fault it gives zeroes and bad stays
// set.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || len(r.b) < n {
		r.bad = true
		return make([]byte, n)
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) u8() byte { return r.take(1)[0] }

func (r *reader) u16() int { return int(binary.BigEndian.Uint16(r.take(2))) }

func (r *reader) identity() (id Identity) {
	copy(id.Cluster[:], r.take(16))
	copy(id.History[:], r.take(16))
	return id
}

func (r *reader) name() string {
	n := int(r.u8())
	if n > nodeBytesMax {
		r.bad = true
		return ""
	}
	return string(r.take(n))
}

func parseHello(body []byte) (hello, error) {
	r := reader{b: body}
	h := hello{purpose: purpose(r.u8()), identity: r.identity(), from: r.name(), to: r.name()}
	if r.bad || len(r.b) != 0 || h.from == "" {
		return hello{}, firn.Errorf(firn.ErrInvalid, "the handshake's lengths do not add up")
	}
	return h, nil
}

func parseWelcome(body []byte) (welcome, error) {
	r := reader{b: body}
	status := firn.Kind(r.u8())
	w := welcome{identity: r.identity(), node: r.name()}
	reason := string(r.take(r.u16()))
	if r.bad || len(r.b) != 0 {
		return welcome{}, firn.Errorf(firn.ErrInvalid, "the answer to the handshake: its lengths do not add up")
	}
	if status != 0 {
		w.refusal = &firn.Error{Kind: status, Message: reason}
	}
	return w, nil
}
