// Package record holds the bytes of an event, as they lie on disk and travel:
// two parts, each with its own checksum.
//
//	record = node part · client part
//
// The client part ([AppendDraft], [ParseDraft]) is made once, by the client,
// and never encoded again: the same bytes go over the wire, into the Raft log
// and onto the disk. The node part ([AppendNode], [Parse]) is put before it
// when the event is applied, for only then are its position and revision known.
//
// Beside type, data and metadata an event costs at most 64 bytes, as long as
// its optional fields are not used.
//
// The formats are drawn above the code in draft.go and node.go; vectors that
// other languages can read lie in testdata.
package record
