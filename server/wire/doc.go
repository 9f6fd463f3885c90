// Package wire holds the TCP protocol between Firn's clients and its nodes:
// frames, messages and their numbers. Both sides import it, and nobody else
// decides what goes over a connection. The specification for other languages
// is docs/protocol.md; the vectors in testdata prove both.
//
// # Frames
//
// A connection begins with [Magic]. Then both sides send frames:
//
//	length   4 bytes, big endian: of all that follows
//	version  1 byte: FrameVersion
//	kind     1 byte: a Kind of message.go
//	call     8 bytes, big endian: the call it belongs to; 0 is the connection itself
//	body     one MessagePack array, its fields in fixed order
//
// [AppendFrame] makes one, [ReadHeader] and [Parse] take one apart. A [Sender]
// writes frames for many goroutines at once and gathers those that wait into
// one write.
//
// # Messages
//
// Each message has a file with both directions side by side; message.go lists
// them all on one page. A body is encoded field by field. It may grow at its
// end: a reader passes over fields behind those it knows, so a field added
// later must be one that may be ignored; anything else takes a new kind, or a
// new protocol version.
//
// The encoding is MessagePack, written and read here by hand rather than
// through a general library: an event passes without being copied, every count
// and length is held against the bytes that are left before memory is taken
// for it, and nothing recurses. The tests read every vector with an independent
// MessagePack library and get the same values.
package wire
