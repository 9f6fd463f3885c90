// Package client is the Go client of Firn. [Client] is a [firn.Store] over TCP.
//
//	db, err := client.Dial(ctx, "10.0.0.1:7400,10.0.0.2:7400,10.0.0.3:7400", client.Options{})
//	if err != nil { … }
//	defer db.Close()
//	done, err := db.Append(ctx, firn.To("order-42", firn.None, firn.Draft{Type: "OrderPlaced", Data: data}))
//
// A Client may be used from many goroutines; one is enough for a program. It
// keeps one connection to each node that it has to do with, made when it is
// first needed, and sends the calls of all goroutines over it without waiting
// in between.
//
// # Which node answers
//
// Appends, changes and linearizable reads go to the leader, which the client
// finds by asking and by what nodes answer. Local reads go to the first address
// given to Dial that can be reached: put a node near the reader, such as a read
// replica, in front. Subscriptions go to the followers in turn;
// see [Client.Subscribe].
//
// # What is repeated
//
// A call that failed without having done anything is repeated, as is one whose
// connection was lost, on whichever node can answer, until its context ends or
// [Options.Timeout] has passed. Ids are fixed before the first attempt, so an
// append that is repeated because its answer was lost is recognised and done
// once. Only when time runs out while the outcome is open does the caller get
// firn.ErrUnknown; it carries the ids with which the append can be repeated
// safely at any later time.
//
// A read that loses its connection goes on behind the last event that it has
// yielded. A local read goes on only on the node where it began. A subscription
// goes on at any node that answers.
//
// # Groups
//
// [Client.Consume] joins a consumer group, and [Handle] is the loop to use it
// with: it calls a function for each event and answers by what that returns. A
// consumer goes on at the next leader where one is lost. [Client.WaitFor] waits
// until a group has handled what was just appended.
//
// # Goroutines
//
// Two a connection: one reads, one keeps the connection alive and fails calls
// whose time is over. Close ends them.
//
// The package imports the words, the protocol, the record format and the
// standard library, and the protocol a MessagePack library; a program that uses
// it compiles neither the storage engine nor the replication.
package client
