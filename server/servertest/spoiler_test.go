package servertest_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/wire"
)

// goodFrames returns the protocol's vectors of what clients send: every message,
// with every field.
func goodFrames(t *testing.T) (frames [][]byte) {
	t.Helper()
	files, err := filepath.Glob("../wire/testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in ../wire/testdata: %v", err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		about, digits, _ := strings.Cut(string(text), "\n\n")
		if !strings.HasPrefix(about, "message: ") {
			continue // a vector of what must be refused
		}
		frame, err := hex.DecodeString(strings.ReplaceAll(digits, "\n", ""))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if !slices.Contains(nodesOnly, wire.Kind(frame[5])) {
			frames = append(frames, frame)
		}
	}
	return frames
}

// nodesOnly are messages that only nodes send. From a client each of them is
// refused before it is looked at, so they are left to chance.
var nodesOnly = []wire.Kind{
	wire.KindWelcome, wire.KindError, wire.KindGoodbye, wire.KindEnd, wire.KindAppended, wire.KindEvents, wire.KindStreamInfo,
	wire.KindStreamList, wire.KindChanged, wire.KindHeadAt, wire.KindResolved, wire.KindStatsAre, wire.KindStatusIs, wire.KindDone,
	wire.KindProgress, wire.KindVerified, wire.KindCounted, wire.KindMarks, wire.KindGroupList, wire.KindGroupInfo, wire.KindDeliveries,
	wire.KindParkedList, wire.KindRewound, wire.KindLoaded, wire.KindDefined, wire.KindDefinitionList, wire.KindFaults, wire.KindStateIs,
	wire.KindDiffIs, wire.KindBlameIs, wire.KindBisected,
}

// spoiler makes bad frames of good ones.
type spoiler struct {
	*rand.Rand
	good [][]byte
}

// body returns a frame whose header is right, so that the connection must
// survive it, and whose body is not: what it asks for cannot be done, or does no
// harm to anybody else.
func (s *spoiler) body(call uint64) []byte {
	for {
		frame := slices.Clone(s.good[s.IntN(len(s.good))])
		frame = s.spoil(frame)
		wire.EndFrame(frame, 0)
		frame[4] = wire.FrameVersion
		binary.BigEndian.PutUint64(frame[6:], call)
		if s.harmless(frame) {
			return frame
		}
	}
}

// spoil changes what is behind the header, or the kind.
func (s *spoiler) spoil(frame []byte) []byte {
	const head = wire.HeaderBytes
	body := frame[head:]
	if len(body) == 0 {
		return append(frame, s.garbage(1+s.IntN(64))...)
	}
	at := s.IntN(len(body))
	switch s.IntN(9) {
	case 0: // bits
		for range 1 + s.IntN(8) {
			body[s.IntN(len(body))] ^= 1 << s.IntN(8)
		}
	case 1: // bytes
		copy(body[at:], s.garbage(1+s.IntN(16)))
	case 2: // shorter
		return frame[:head+at]
	case 3: // longer
		return append(frame, s.garbage(1+s.IntN(64))...)
	case 4: // nothing of it is right
		return append(frame[:head], s.garbage(s.IntN(256))...)
	case 5: // a kind that there is not, or another one
		frame[5] = byte(s.IntN(256))
	case 6: // a length that the body does not have
		huge := [][]byte{{0xdd, 0xff, 0xff, 0xff, 0xff}, {0xdf, 0xff, 0xff, 0xff, 0xff}, {0xdb, 0xff, 0xff, 0xff, 0xff}, {0xc6, 0xff, 0xff, 0xff, 0xff}, {0xdc, 0xff, 0xff}}
		return append(append(frame[:head], body[:at]...), huge[s.IntN(len(huge))]...)
	case 7: // arrays in arrays
		frame = frame[:head+min(at, 8)]
		for range 1 + s.IntN(4096) {
			frame = append(frame, 0x91)
		}
	case 8: // the head of one and the tail of another
		other := s.good[s.IntN(len(s.good))]
		return append(frame[:head+at], other[head+s.IntN(len(other)-head+1):]...)
	}
	return frame
}

// harmless reports whether the frame cannot do what would spoil the test: change
// the cluster, or append what nobody has asked for.
func (s *spoiler) harmless(frame []byte) bool {
	m, err := wire.Parse(wire.Kind(frame[5]), frame[wire.HeaderBytes:])
	if err != nil {
		return true
	}
	var writes []wire.Write
	switch m := m.(type) {
	case *wire.Append:
		writes = m.Writes
	case *wire.AppendAt:
		writes = m.Writes
	default:
		return slices.Contains([]wire.Kind{
			wire.KindPing, wire.KindPong, wire.KindCancel, wire.KindCredit, wire.KindRead, wire.KindStream, wire.KindStreams,
			wire.KindHead, wire.KindResolve, wire.KindStats, wire.KindStatus, wire.KindSubscribe, wire.KindGroups, wire.KindGroup,
			wire.KindConsume, wire.KindSettle, wire.KindParked, wire.KindWaitGroup, wire.KindLoad, wire.KindDefinitions,
			wire.KindState, wire.KindDiff, wire.KindBlame, wire.KindBisect,
		}, m.Kind())
	}
	for _, w := range writes {
		for _, r := range w.Records {
			if _, err := record.ParseDraft(r); err != nil {
				return true
			}
		}
	}
	return false
}

// header returns bytes behind which nothing on the connection can be understood.
func (s *spoiler) header() []byte {
	frame := slices.Clone(s.good[s.IntN(len(s.good))])
	switch s.IntN(5) {
	case 0:
		frame[4] = byte(wire.FrameVersion + 1 + s.IntN(254))
	case 1:
		binary.BigEndian.PutUint32(frame, uint32(s.IntN(10)))
	case 2: // more than any frame may have
		binary.BigEndian.PutUint32(frame, uint32(17<<20)+s.Uint32N(1<<31))
	case 3:
		return frame[:1+s.IntN(len(frame)-1)]
	case 4:
		return append([]byte{0xff}, s.garbage(s.IntN(256))...)
	}
	return frame
}

func (s *spoiler) garbage(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.Uint32())
	}
	return b
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Purposes of a connection between nodes; docs/formats/peer.md.
const purposeRaft, purposeCall = 1, 2

// helloFor makes a node's handshake, as package peer writes it.
func helloFor(cluster, history firn.ID, from string) func(purpose byte) []byte {
	return func(purpose byte) []byte {
		body := append([]byte{purpose}, cluster[:]...)
		body = append(body, history[:]...)
		body = append(append(body, byte(len(from))), from...)
		body = append(body, 0) // to whoever answers
		b := binary.BigEndian.AppendUint16([]byte{1}, uint16(len(body)+4))
		b = append(b, body...)
		return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	}
}

// peerCall is a call between nodes whose frame is right and whose body is not.
func (s *spoiler) peerCall() []byte {
	body := s.garbage(s.IntN(200))
	b := []byte{1, byte(s.IntN(8))}
	b = binary.BigEndian.AppendUint32(b, s.Uint32N(2000))
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = append(b, body...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// flip changes some bits.
func (s *spoiler) flip(b []byte) []byte {
	b = slices.Clone(b)
	for range 1 + s.IntN(6) {
		b[s.IntN(len(b))] ^= 1 << s.IntN(8)
	}
	return b
}

// raftGarbage is what Raft's decoder gets: a kind of request that there is, or
// not, and then no request. One that is decoded as something is an empty one.
func (s *spoiler) raftGarbage() []byte {
	b := []byte{byte(s.IntN(8))}
	switch s.IntN(3) {
	case 0:
		return append(b, s.garbage(s.IntN(300))...)
	case 1: // of a map that has more than memory holds
		return append(b, 0xdf, 0xff, 0xff, 0xff, 0xff)
	}
	names := []string{"Term", "Leader", "Entries", "PrevLogEntry", "LastLogIndex", "Configuration", "Peers", "Size", "Candidate", "RPCHeader"}
	huge := [][]byte{{0xdd, 0x7f, 0xff, 0xff, 0xff}, {0xc6, 0x7f, 0xff, 0xff, 0xff}, {0xdb, 0x7f, 0xff, 0xff, 0xff}, {0x91, 0xc1}}
	name := names[s.IntN(len(names))]
	b = append(append(b, 0x81, 0xa0|byte(len(name))), name...)
	return append(b, huge[s.IntN(len(huge))]...)
}

// request is an HTTP request that was right once.
func (s *spoiler) request() []byte {
	body := `{"specversion":"1.0","id":"1","source":"s","data":{"n":1}}` // without a type, so that it is never appended
	good := []string{
		"GET /streams/order-1?from=0&limit=10 HTTP/1.1\r\nHost: f\r\nConnection: close\r\n\r\n",
		"GET /all?from=1&limit=3&types=A&types=B HTTP/1.1\r\nHost: f\r\nAccept: application/x-ndjson\r\nConnection: close\r\n\r\n",
		"GET /categories/order?at=2026-01-01&timeout=1s HTTP/1.1\r\nHost: f\r\nConnection: close\r\n\r\n",
		"GET /all?timeout=1s HTTP/1.1\r\nHost: f\r\nAccept: text/event-stream\r\nLast-Event-ID: 7\r\nConnection: close\r\n\r\n",
		fmt.Sprintf("POST /streams/bad-1 HTTP/1.1\r\nHost: f\r\nConnection: close\r\nIf-Match: \"0\"\r\nContent-Type: application/cloudevents+json\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
	}
	b := []byte(good[s.IntN(len(good))])
	switch s.IntN(4) {
	case 0:
		return b[:s.IntN(len(b))]
	case 1:
		at := s.IntN(len(b))
		return slices.Concat(b[:at], s.garbage(1+s.IntN(40)), b[at:])
	}
	return s.flip(b)
}
