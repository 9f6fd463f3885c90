// Package security says who calls, and what they may do.
//
// A door hands over what a client presents: a token, and the user that its
// certificate names. That makes a [Caller], which travels in the context of
// each call, as its deadline does. What the caller may do is looked up anew for
// each call, so that it holds at once when it is changed.
package security
