// Package upcaster shows old events in today's shape. An upcaster is a list of
// steps; a step turns the events of one type and schema version into the next
// version, or into another type. What is stored never changes: steps are applied
// as events are read, and taking an upcaster back brings the old view back.
//
//	d, err := upcaster.Parse(yaml)        // declared steps; docs/upcasters.md
//	r, err := upcaster.NewRegistry(d, …)  // everything that is in force together
//	changed, err := r.Upcast(ctx, &event) // at each read
//
// A [Registry] is made anew when a definition changes, and is then read by any
// number of goroutines. [Registry.For] gives the [Rules] of one category: what
// they do to an event, their hash, and which stored types become a wanted one.
//
// An upcaster that fails loses nothing: the error is an [*Error] that says at
// which step, where and why, and the event is left as it was.
//
// [Functions] are upcasters written in Go, for the client: they may also make
// several events of one, or none. [Check] runs rules over a whole history before
// they are put to use. [Schema] is a JSON Schema that appends are held against.
package upcaster
