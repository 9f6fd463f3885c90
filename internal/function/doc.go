// Package function hands events of a consumer group to what is no Go program: a
// command ([Exec]) or a webhook ([Post]). Each has a Handle method for
// [client.Handle]; what it returns says what becomes of the event.
//
// docs/functions.md is the contract with those who write the command or the
// receiver of the webhook.
package function
