// Package archtest holds the sources against what is said about them: the list
// of imports in docs/architecture.md, the packages that must never meet, and
// the code that may not look at a clock or roll a die.
//
// It reads the sources itself and does not ask `go list`, whose answer the
// test cache would keep while the sources change. After a change of imports
// that is meant, this writes the list anew, for the reviewer to judge:
//
//	go test ./internal/archtest -update
package archtest
