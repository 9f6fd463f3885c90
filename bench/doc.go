// Package bench measures any [firn.Store], with the floor of the same machine
// measured directly before and after each run.
//
//	err := bench.Run(ctx, store, bench.Options{Dir: dir}, func(r bench.Result) error {
//		return json.NewEncoder(os.Stdout).Encode(r)
//	})
//
// # Workloads
//
//   - append: one event a call, at the exact revision expected. A client that
//     has written [StreamEvents] events to its stream moves to a new one.
//   - batch: [BatchEvents] events a call, otherwise as append.
//   - load: reads a whole stream of StreamEvents events, drawn uniformly from
//     all that are in the store, those of earlier runs included, and looks at
//     id, type, revision, position, time and data of every event.
//   - scan: reads everything in global order, again and again. Its latencies
//     are those of [ScanEvents] events in a row.
//   - category: follows a category from the beginning until it has caught up,
//     again and again: first "category", which 99 of 100 streams written here
//     are of, then "category-rare", the hundredth, which is spread over
//     everything.
//   - subscribe: first "catch-up", one client that follows everything from the
//     beginning until it has caught up, again and again. Then "subscribe":
//     events are appended at a rate that waits for nothing, and all clients
//     follow them. Every delivery is a latency, which begins when the event was
//     due to be appended.
//   - group: the clients consume a group that follows everything from its
//     beginning, and acknowledge all deliveries, many together. A latency goes
//     from the delivery to its durable acknowledgement. The group is gone
//     afterwards; a run is shorter where nothing is left to deliver.
//
// In all but the last two, every client waits for the answer of its call before it
// makes the next one. Data is JSON, about half of it compressible. An answer
// that is not what the store owes (another revision, an event too few) is
// counted as an error; so is a call that fails.
//
// # Floors
//
// A figure by itself says more about the disk than about the store. What a
// durable figure is held against is one preallocated file that was written
// over once: one goroutine takes everything that waits, writes it with one
// pwrite, syncs it with one fdatasync, and wakes all who waited. It has as many
// clients as the store had, and they hand in the same records.
//
// Reads are held against a bare TCP echo on loopback: as many clients, a small
// request, and an answer of as many bytes as the events' records have. Of a
// store in another place this says nothing about the network between.
//
// A category is held against reading everything: its floor is how many of its
// events that yields in the same time, so that the ratio says how many times
// sooner one has them. A delivery is held against two syncs (the one under way
// when the event comes, and its own) and one round trip of the echo; that floor
// and its ratio are latencies. A group has no floor: how many answers share a sync
// is for its consumers to choose.
//
// A figure is the median of several runs. Each has a floor directly before and
// one directly after it; where the two differ by more than a fifth, something
// else used the machine, and the run is repeated, up to three times.
package bench
