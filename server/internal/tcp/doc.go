// Package tcp is the door for clients over TCP. It turns the frames of package
// wire into calls on a [Backend] and the answers into frames; what a request
// means is the backend's business.
//
//	door, err := tcp.Serve(listener, backend, tcp.Options{})
//	…
//	door.Close(ctx) // finishes the calls in flight, as long as ctx allows
//
// # What runs
//
// One goroutine accepts, one looks after the clocks of all connections, and one
// a connection reads. A call is worked on by a goroutine of its own, taken from
// a pool, so that none waits for another; answers leave in the order in which
// they are ready, many in one write. A connection over which nothing goes holds
// one goroutine and a read buffer of 4 KiB.
//
// # What is bounded
//
// Connections, calls in flight on each, and the bytes of requests in flight in
// all: over a bound the caller gets ErrBusy, at once and without harm to
// others. A frame's bytes are counted as they arrive, not as they are
// announced. A handshake, a frame that has begun and a write each have a time
// in which to finish; a connection that is silent is asked, then closed.
//
// A request that is wrong gets its error and the connection goes on. Where the
// frames themselves cannot be trusted any more (a stranger's bytes, a length
// over the limit), the connection gets an error on call 0 and is closed.
package tcp
