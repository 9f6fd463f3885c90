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
// # MessagePack
//
// The encoding is MessagePack, by github.com/vmihailenco/msgpack/v5, whose
// encoder and decoder are called value by value: a message's fields stand in its
// file in the order in which they travel, without tags or reflection. encode.go
// and decode.go are the only way to the library, words.go has the values that
// several messages carry.
//
// A port believes nothing, so decode.go looks at each value before the library
// has it: nil, or bytes in the place of a string, is not taken for a value, every
// count and length is held against the bytes that are left before memory is
// taken for it, and nothing recurses. Strings and bytes are cut out of the body
// without a copy once the library has read their lengths.
//
// By hand are the writing of Append and Events and the walk over the items of
// Events, which is what every event pays for: hot.go, with the reason and the
// figures. A test holds their bytes against the library's.
package wire
