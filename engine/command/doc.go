// Package command holds the changes that a store knows: the numbered list of
// items that the Raft log carries, and what applying one answers.
//
// One Raft entry ([AppendEntry], [ParseEntry]) carries the time that the leader
// proposed and one or more items, each an independent request with its own
// result: a conflict fails one item, never its neighbours.
//
//	entry = version 1 · time uvarint (µs since 1970) · count uvarint · items
//	item  = kind 1 byte · length uvarint · body
//
// The kinds are in command.go; each kind's body is drawn above its type.
// Numbers are never used again; a node that meets a kind it does not know
// stops before it (see [ErrUnknownKind]), it never skips one.
package command
