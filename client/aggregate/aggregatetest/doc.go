// Package aggregatetest tests what aggregates decide, in the form given, when,
// then: given what has happened, when a command comes, then this is appended, or
// this is the error.
//
//	aggregatetest.Given(t, carts, draft("ItemAdded", `{"item":"pen"}`)).
//		When(AddItem("ink")).
//		Then(draft("ItemAdded", `{"item":"ink"}`))
//
// Nothing but the type and the decision is looked at: there is no store.
package aggregatetest
