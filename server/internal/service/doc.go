// Package service says what a request means, whichever door it came by.
//
// A door hands over what it has decoded: names, expectations, the client parts
// of records. The service checks them, turns a change into a command and
// proposes it to the replica's log; it answers a read from the replica's
// engine, once the consistency that was asked for holds.
//
// The replica below can be closed and opened again while the service lives (it
// is, when an image was received); calls meanwhile answer [firn.ErrUnavailable].
// All methods may be called from many goroutines at once.
package service
