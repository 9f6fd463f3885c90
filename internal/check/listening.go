package check

import (
	"context"
	"sync"

	"github.com/firndb/firn"
)

// Listening is what a subscriber hears while it hears it, on one goroutine, until
// another says that it has been told enough. Heard is complete, and may be looked
// at, once both are done.
type Listening struct {
	Heard Heard

	mu    sync.Mutex
	until firn.Position      // where to end; 0: not known yet
	leave context.CancelFunc // of the connection under way
}

// Begin begins a connection, which leave ends, at a store whose head is known. It
// returns what to ask for.
func (l *Listening) Begin(head firn.Position, leave context.CancelFunc) firn.Query {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave = leave
	return l.Heard.Resume(head)
}

// Hear adds a message. enough says that it was the last one.
func (l *Listening) Hear(m firn.Message) (enough bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Heard.Messages = append(l.Heard.Messages, m)
	return l.told()
}

// EndAt lets it end once everything up to a position was told.
func (l *Listening) EndAt(p firn.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until = p; l.told() && l.leave != nil {
		l.leave() // nothing more comes that would end it
	}
}

// Told reports whether everything was told that is waited for.
func (l *Listening) Told() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.told()
}

func (l *Listening) told() bool {
	n := len(l.Heard.Messages)
	return l.until > 0 && n > 0 && l.Heard.At(n-1) >= l.until
}
