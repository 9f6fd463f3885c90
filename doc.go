// Package firn holds the words of Firn, an event-sourcing database: streams
// and events, expectations and queries, errors, and [Store], the one interface
// that an embedded node, a running node and the Go client all offer.
//
// The package imports only the standard library and does no I/O. Two readers
// who disagree about what a name means settle it here.
//
// # The model
//
// A [Draft] is what a caller wants to append. Once the log has accepted it, it
// is an [Event], with a [Revision] in its stream (0, 1, 2 …) and a [Position]
// in the whole store (1, 2, 3 …), both assigned without gap. The head is the
// last position that readers may see.
//
//	db, err := client.Dial(ctx, "127.0.0.1:7400", client.Options{})
//	done, err := db.Append(ctx, firn.To("order-42", firn.None, firn.Draft{
//		Type: "OrderPlaced",
//		Data: []byte(`{"total": 100.10}`),
//	}))
//	for event, err := range db.Read(ctx, firn.Query{Stream: "order-42"}) {
//		if err != nil { … }
//		…
//	}
//
// # What a caller may rely on
//
// When Append returns without an error, the events are synced to disk at a
// majority of the nodes. When it returns an error, [Error.Retry] says whether
// nothing was done ([RetrySafe]), whether the outcome is unknown and the same
// ids make a repetition safe ([RetrySameIDs]), or whether a repetition cannot
// help ([RetryNo]).
package firn
