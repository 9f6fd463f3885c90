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
//
//   - batch: [BatchEvents] events a call, otherwise as append.
//
//   - load: reads a whole stream, drawn from all of its length that are in the
//     store, those of earlier runs included, and looks at id, type, revision,
//     position, time and data of every event. Streams of StreamEvents are
//     "load", those of another length n "load-n".
//
//   - scan: reads everything in global order, again and again. Its latencies
//     are those of [ScanEvents] events in a row.
//
//   - category: follows a category from the beginning until it has caught up,
//     again and again: first "category", which 99 of 100 streams written here
//     are of, then "category-rare", the hundredth, which is spread over
//     everything.
//
//   - subscribe: first "catch-up", one client that follows everything from the
//     beginning until it has caught up, again and again. Then "subscribe":
//     events are appended at a rate that waits for nothing, and all clients
//     follow them. Every delivery is a latency, which begins when the event was
//     due to be appended.
//
//   - group: the clients consume a group that follows everything from its
//     beginning, and acknowledge all deliveries, many together. A latency goes
//     from the delivery to its durable acknowledgement. The group is gone
//     afterwards; a run is shorter where nothing is left to deliver.
//
//   - mixed: of 100 calls 80 decide on an aggregate, as [aggregate.Repository]
//     does it (the snapshot and what follows it in one call, then one event at
//     the exact revision; where somebody was faster, again); 15 are a read model
//     that comes back anywhere in the log and takes the next 100 events of a
//     category; 5 look into the past of a stream: two of four a state, one a
//     diff, one a blame. Its rates count calls, and each kind of call has
//     percentiles of its own. The aggregates begin with as many events as a
//     finished stream has, and grow.
//
//   - interference: append, while one further client reads everything again and
//     again. What counts is the 99th percentile of the latencies, against that
//     of the same appends alone.
//
//   - growth, which is not one of all: the store is filled to one size after
//     another, and at each there are the filling itself, append, load, and how
//     long the nodes take to start.
//
// In all but subscribe and group, every client waits for the answer of its call
// before it makes the next one, unless the calls arrive at a rate
// (Options.Arrivals): then each is due at its time, whoever of the clients is free
// makes it, and its latency begins when it was due. What was due in a run and not
// begun in it is no event, is told beside the figure, and counts in the
// percentiles with what it had waited. It is the median latency that is compared.
//
// Data is JSON, about half of it compressible. An answer
// that is not what the store owes (another revision, an event too few) is
// counted as an error; so is a call that fails.
//
// The streams that are read are written first, where they are not there: each in
// one go, or in a shape. Shape S is short streams that come and go, such as orders:
// 100 events each, 10,000 streams alive at once. Shape D is streams that live on,
// such as devices: 16 events each, 500,000 at once. Shape G is that of growth: 20
// events each, 10,000 at once. Which of those alive gets the
// next event is drawn at random. Draws of streams are uniform, or skewed as Zipf's
// law has it.
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
// and its ratio are latencies. Mixed is held against the same mixture of round
// trips and synced writes. A group has no floor: how many answers share a sync
// is for its consumers to choose.
//
// A figure is the median of several runs. Each has a floor directly before and
// one directly after it; where the two differ by more than a fifth, something
// else used the machine, and the run is repeated, up to three times.
package bench
