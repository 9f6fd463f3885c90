// Package aggregate keeps aggregates in streams: things that decide by their
// own past, each in a stream of its own. It works on any [firn.Store].
//
// # What a program writes
//
// A state, how events change it, and decisions:
//
//	type Cart struct {
//		Items []string
//		Paid  bool
//	}
//
//	var carts = aggregate.Type[Cart]{
//		Category: "cart",
//		Version:  "1",
//		Apply: func(c Cart, e firn.Event) (Cart, error) {
//			switch e.Type {
//			case "ItemAdded": …
//			}
//			return c, nil
//		},
//	}
//
//	repo := aggregate.New(db, carts, aggregate.Options{})
//	cart, err := repo.Decide(ctx, "42", command, func(c aggregate.Aggregate[Cart]) ([]firn.Draft, error) {
//		if c.State.Paid {
//			return nil, errors.New("the cart is paid")
//		}
//		return []firn.Draft{{Type: "ItemAdded", Data: …}}, nil
//	})
//
// Decide loads the stream cart-42, calls the decision, and appends what it
// returns on the condition that nobody else has appended meanwhile. Where
// somebody has, it applies their events and decides again, a bounded number of
// times. So a decision always sees all that came before it, and must not do
// anything but decide.
//
// # Commands
//
// A command has an id. The drafts that a decision returns without ids get ids
// that follow from the command's, so that a command that comes a second time
// (a button pressed twice, a message delivered again, a caller who never got his
// answer) appends nothing twice: see [Repository.Decide].
//
// # Snapshots
//
// Where the store keeps snapshots ([firn.Snapshots]), the state is kept now and
// then, and loading takes the newest one and the events behind it, in one round
// trip. What a snapshot holds is the state in JSON, or what Encode makes of it.
// [Type.Version] says which form of Apply and of the state it is: whoever
// changes one of them changes the version, and older snapshots are not read.
//
// Package aggregatetest tests decisions in the form given, when, then.
package aggregate
