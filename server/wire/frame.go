package wire

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/firndb/firn"
)

const (
	// Magic is what a client sends first, so that a stranger's bytes are
	// recognised before any of them is taken for a length.
	Magic = "FIRN"

	// ALPN is what a client asks for in the TLS handshake (RFC 7301), so that the
	// wrong port refuses it at once.
	ALPN = "firn"

	// FrameVersion is the version of the frame's own layout.
	FrameVersion = 1

	// ProtocolVersion is the version of the messages that this release speaks.
	ProtocolVersion = 1

	// HeaderBytes is the size of a frame without its body.
	HeaderBytes = 14

	lengthBytes   = 4                         // the length field does not count itself
	overheadBytes = HeaderBytes - lengthBytes // what it counts beside the body
)

// Header is a frame without its body.
type Header struct {
	Kind      Kind
	Call      uint64
	BodyBytes int // up to 4 GiB, as announced: hold it against the limit before taking memory
}

// BeginFrame appends a frame's header with its length left open. EndFrame sets
// the length once the body stands behind it.
func BeginFrame(dst []byte, k Kind, call uint64) []byte {
	dst = append(dst, 0, 0, 0, 0, FrameVersion, byte(k))
	return binary.BigEndian.AppendUint64(dst, call)
}

// EndFrame sets the length of the frame that begins at start and goes on to the
// end of dst.
func EndFrame(dst []byte, start int) {
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-lengthBytes))
}

// AppendFrame appends a whole frame.
func AppendFrame(dst []byte, call uint64, m Message) []byte {
	start := len(dst)
	dst = m.AppendBody(BeginFrame(dst, m.Kind(), call))
	EndFrame(dst, start)
	return dst
}

// ReadHeader reads a frame's header; its body follows in r. At the end of the
// connection between two frames it returns io.EOF, inside a header
// io.ErrUnexpectedEOF. A header that cannot be one is an *firn.Error, and
// nothing more can be read from the connection.
func ReadHeader(r *bufio.Reader) (Header, error) {
	b, err := r.Peek(HeaderBytes)
	if err != nil {
		if err == io.EOF && len(b) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return Header{}, err
	}
	h, err := ParseHeader(b)
	r.Discard(HeaderBytes) // cannot fail: the bytes are in the buffer
	return h, err
}

// ParseHeader parses the first HeaderBytes bytes of a frame.
func ParseHeader(b []byte) (Header, error) {
	length := binary.BigEndian.Uint32(b)
	h := Header{Kind: Kind(b[5]), Call: binary.BigEndian.Uint64(b[6:]), BodyBytes: int(length) - overheadBytes}
	if b[4] != FrameVersion {
		return h, firn.Errorf(firn.ErrUnsupported, "a frame of version %d; this side knows version %d", b[4], FrameVersion)
	}
	if length < overheadBytes {
		return h, firn.Errorf(firn.ErrInvalid, "a frame of length %d; its version, kind and call alone take %d", length, overheadBytes)
	}
	return h, nil
}

// CheckFrame refuses a body that would make the frame longer than the limit.
func (l *Limits) CheckFrame(h Header) error {
	if uint64(h.BodyBytes)+overheadBytes > l.FrameBytes {
		return firn.Errorf(firn.ErrTooLarge, "a %v frame of %d bytes; at most %d are allowed", h.Kind, uint64(h.BodyBytes)+overheadBytes, l.FrameBytes)
	}
	return nil
}
