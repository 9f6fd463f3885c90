// Package eventjson writes events, the answers to appends, and errors as JSON,
// in the one form that everybody sees: what the command line prints with -o json,
// what HTTP answers, what programs over events are given. Scripts rely on its
// names and their order.
package eventjson
