package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"net"
	"time"

	"github.com/firndb/firn"
)

// The two messages of a call:
//
//	request: version u8 = 1 | kind u8   | time left u32 | length u32 | body | crc u32
//	answer:  version u8 = 1 | status u8 | 0 u32         | length u32 | body | crc u32
//
// Numbers are big-endian; length counts the body, which has at most 1 MiB; the
// CRC is CRC32C of everything before it. The time left is the caller's, in
// milliseconds, 0 when it has no limit. status is 0 (done), or 1: the body is
// an error (callerror.go).
const (
	callHeaderBytes = 1 + 1 + 4 + 4
	bodyBytesMax    = 1 << 20

	statusDone  = 0
	statusError = 1
)

func callFrame(tag byte, timeLeft uint32, body []byte) []byte {
	b := make([]byte, 0, callHeaderBytes+len(body)+crcBytes)
	b = append(b, version, tag)
	b = binary.BigEndian.AppendUint32(b, timeLeft)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// readCall reads one of the two messages. begun is called once its first byte
// has come.
func readCall(r io.Reader, begun func()) (tag byte, timeLeft uint32, body []byte, err error) {
	var header [callHeaderBytes]byte
	if _, err := io.ReadFull(r, header[:1]); err != nil {
		return 0, 0, nil, err
	}
	begun()
	if _, err := io.ReadFull(r, header[1:]); err != nil {
		return 0, 0, nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	if header[0] != version {
		return 0, 0, nil, firn.Errorf(firn.ErrUnsupported, "a call of version %d; known is %d", header[0], version)
	}
	length := binary.BigEndian.Uint32(header[6:])
	if length > bodyBytesMax {
		return 0, 0, nil, firn.Errorf(firn.ErrTooLarge, "a call with %d bytes; the limit is %d", length, bodyBytesMax)
	}
	rest := make([]byte, length+crcBytes)
	if _, err := io.ReadFull(r, rest); err != nil {
		return 0, 0, nil, errors.Join(io.ErrUnexpectedEOF, err)
	}
	body = rest[:length:length]
	crc := crc32.Update(crc32.Checksum(header[:], castagnoli), castagnoli, body)
	if crc != binary.BigEndian.Uint32(rest[length:]) {
		return 0, 0, nil, firn.Errorf(firn.ErrInvalid, "a call's checksum does not fit its bytes")
	}
	return header[1], binary.BigEndian.Uint32(header[2:]), body, nil
}

// idleMax is how long an accepted connection may rest between calls. The
// dialling side gives connections up earlier, so that it seldom finds one
// closed.
const (
	idleMax     = 60 * time.Second
	idlePoolMax = 30 * time.Second
	idlePerAddr = 16
)

// answer serves the calls that come in on a connection, one after the other.
func (p *Port) answer(conn net.Conn, from string) {
	for {
		_ = conn.SetReadDeadline(time.Now().Add(idleMax))
		kind, timeLeft, body, err := readCall(conn, func() {
			_ = conn.SetReadDeadline(time.Now().Add(p.opts.StallMax))
		})
		var bad *firn.Error
		if err != nil && !errors.As(err, &bad) {
			return // closed, or stalled: there is nobody to tell
		}
		var reply []byte
		if bad == nil {
			reply, err = p.handle(from, kind, timeLeft, body)
		}
		status := byte(statusDone)
		if err == nil && len(reply) > bodyBytesMax {
			err = firn.Errorf(firn.ErrTooLarge, "the answer to the call has %d bytes; the limit is %d", len(reply), bodyBytesMax)
		}
		if err != nil {
			status, reply = statusError, appendError(nil, err)
		}
		_, err = writeSteadily(conn, callFrame(status, 0, reply), p.opts.StallMax, time.Time{})
		if err != nil || bad != nil {
			return // after a bad request, where the next one begins is not known
		}
	}
}

func (p *Port) handle(from string, kind byte, timeLeft uint32, body []byte) ([]byte, error) {
	p.mu.Lock()
	h := p.handlers[kind]
	p.mu.Unlock()
	if h == nil {
		return nil, firn.Errorf(firn.ErrUnsupported, "node %s does not answer calls of kind %d; it may be of an older version", p.opts.Node, kind)
	}
	ctx := p.ctx
	if timeLeft > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(timeLeft)*time.Millisecond)
		defer cancel()
	}
	return h(ctx, from, body)
}

// Call asks the node at an address and waits for its answer, until ctx ends. to
// is the node's id, "" for whichever node answers there. Errors besides
// the context's own are *firn.Error: the handler's, [firn.ErrUnavailable] when
// the call never left, [firn.ErrUnknown] when its answer was lost, and those of
// a refused handshake.
func (p *Port) Call(ctx context.Context, to, addr string, kind uint8, body []byte) ([]byte, error) {
	if len(body) > bodyBytesMax {
		return nil, firn.Errorf(firn.ErrTooLarge, "a call with %d bytes; the limit is %d", len(body), bodyBytesMax)
	}
	for {
		conn, pooled, err := p.connection(ctx, to, addr)
		if err != nil {
			return nil, contextOr(ctx, err)
		}
		status, answer, begun, err := p.exchange(ctx, conn, kind, body)
		switch {
		case err == nil && status == statusDone:
			return answer, nil
		case err == nil:
			return nil, contextOr(ctx, parseError(answer))
		}
		if pooled && !begun && ctx.Err() == nil {
			continue // the other side had closed it
		}
		return nil, contextOr(ctx, firn.Errorf(firn.ErrUnknown, "the answer of node %s at %s was lost: %v", orAny(to), addr, err))
	}
}

// contextOr returns the context's error if that is why something failed.
func contextOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// exchange sends a call and reads its answer; begun: some of it has come.
func (p *Port) exchange(ctx context.Context, conn *idleConn, kind uint8, body []byte) (status byte, answer []byte, begun bool, err error) {
	_ = conn.SetDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	ended := context.AfterFunc(p.ctx, func() { _ = conn.Close() })
	_, err = conn.Write(callFrame(kind, timeLeft(ctx), body))
	if err == nil {
		status, _, answer, err = readCall(conn, func() { begun = true })
	}
	if reusable := stop() && ended() && err == nil; reusable {
		p.pool(conn)
	} else {
		_ = conn.Close()
	}
	return status, answer, begun, err
}

func timeLeft(ctx context.Context) uint32 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	left := time.Until(deadline).Milliseconds()
	return uint32(min(max(left, 1), math.MaxUint32))
}
