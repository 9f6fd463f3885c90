// Package subscription follows the log: a [Subscription] yields what a query
// selects, from a point on, and goes on as events are committed.
//
//	s, err := subscription.Open(e, q, subscription.Options{})
//	defer s.Close()
//	for {
//		step, err := s.Next(ctx) // waits at the head
//		…                        // step.Events, then step.Mark
//	}
//
// Nothing is pushed to anybody. A subscription is a place in the log and a
// reader that is asked for the next step; at the head it waits for the head to
// move, as all others do, on one channel. So a consumer who is slow, or has
// gone to sleep, costs nothing but that place, once [Subscription.Rest] was
// called: no queue, no iterator, no layer in memory. Where it goes on, it reads
// what it has missed as it would have in the beginning.
//
// # What a subscriber is promised
//
// Events come in order of position, each once, none left out that is visible
// when it is looked at. A mark's position, as that of an event which ends its
// append, is one behind which a later subscription goes on without gap or
// repetition. A caught-up mark comes once everything up to the head was sent;
// who wants it to cover what was committed anywhere in the cluster has the node
// learn the commit index before it opens the subscription, as the service does.
package subscription
