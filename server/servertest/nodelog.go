package servertest

import (
	"bytes"
	"strings"
	"sync"
	"time"
)

// Log is what nodes say, from however many goroutines: what a process writes to
// standard error, or what a Logger is given to write to.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// end returns the last lines.
func (l *Log) end(lines int) string {
	all := strings.Split(strings.TrimSpace(l.String()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Log returns what node i has said so far, since it was first started.
func (p *Processes) Log(i int) string { return p.nodes[i].log.String() }

// AwaitLog returns once what node i has said fulfils the condition.
func (p *Processes) AwaitLog(i int, what string, fulfils func(log string) bool) {
	p.t.Helper()
	for deadline := time.Now().Add(startTimeout); !fulfils(p.Log(i)); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("node %s has not said within %v: %s", id(i), startTimeout, what)
		}
	}
}
