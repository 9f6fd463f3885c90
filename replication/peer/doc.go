// Package peer is the port on which the nodes of a cluster talk to each other.
// One TCP port carries Raft's connections and small calls such as "what is
// your status"; clients do not come here.
//
//	port, err := peer.Listen(peer.Options{
//		Addr: "10.0.0.1:7410", Node: "n1", Security: certificates,
//		Identity: func() peer.Identity { return peer.Identity{Cluster: …, History: …} },
//	})
//	port.Handle(kindStatus, func(ctx context.Context, from string, body []byte) ([]byte, error) { … })
//	transport := raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
//		Stream: port.Raft(), MaxRPCsInFlight: 1, …})
//	answer, err := port.Call(ctx, "n2", "10.0.0.2:7410", kindStatus, nil)
//	port.Close()
//
// # The handshake
//
// The side that dials speaks first: version, purpose, cluster, history, who it
// is, and whom it means to reach where it knows. The other side accepts or says
// in words why not: another version, another cluster, another history, another
// node than the one meant. Both must be done within Options.HandshakeMax. With
// Options.Security every connection is TLS before a byte of this is read, the
// certificate has to be a member's, and the names in the handshake have to be
// those in the certificates. The bytes are described in docs/formats/peer.md.
//
// A cluster or history of zero means "none yet": a fresh node has to be
// reachable before it can be told which cluster it is part of.
//
// # Raft's connections
//
// [Port.Raft] gives a raft.StreamLayer. Closing it (which the transport does)
// leaves the port open, so that a replica can be closed and opened again with a
// new stream layer, while the process keeps its port.
//
// A sender of a snapshot that stalls in the middle would freeze the receiver's
// Raft for ever, votes included, since Raft reads a snapshot on its main
// goroutine. So a request that has begun must keep coming: 64 KiB or its end
// within Options.StallMax, counting only the time spent waiting for bytes. Between
// requests a connection may rest for as long as it likes, because Raft pools
// connections, and finding one closed costs it an RPC. Requests must not be
// pipelined (MaxRPCsInFlight: 1), or "between requests" cannot be told.
//
// # Calls
//
// A call is one request and one answer of at most 1 MiB each, with a CRC.
// Connections are pooled by address. Where a pooled connection turns out to
// be dead before any of the answer has come, the call is sent once more on a
// new one: **a handler may run twice for one call**. A handler's *firn.Error comes back as
// the same kind, message and leader. A call that never left is
// [firn.ErrUnavailable]; one whose answer was lost is [firn.ErrUnknown].
//
// # Goroutines
//
// One accepts, one more runs for each connection; Close ends them all and waits
// for them. Nothing here keeps a goroutine for a connection that is idle on the
// dialling side.
package peer
