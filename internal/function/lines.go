package function

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// lines passes on what a command prints, line by line, and remembers the last
// line that is not blank. However much is printed, it holds no more than
// lineBytesMax; a longer line is passed on in pieces.
type lines struct {
	to io.Writer
	mu *sync.Mutex // held while writing to it

	begun []byte // of a line
	last  string
	err   error
}

const lineBytesMax = 8 << 10

// Write never fails, so that the command does not notice.
func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		part := b[:min(len(b), lineBytesMax-len(l.begun))]
		if end := bytes.IndexByte(part, '\n'); end >= 0 {
			part = part[:end+1]
		}
		l.begun = append(l.begun, part...)
		b = b[len(part):]
		if l.begun[len(l.begun)-1] == '\n' || len(l.begun) == lineBytesMax {
			l.pass()
		}
	}
	return n, nil
}

func (l *lines) pass() {
	if said := strings.TrimSpace(string(l.begun)); said != "" {
		l.last = said
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.to.Write(l.begun); err != nil && l.err == nil {
		l.err = err
	}
	l.begun = l.begun[:0]
}

// end passes on what is left, with an end to its line, and says what went wrong.
func (l *lines) end() error {
	if len(l.begun) > 0 {
		l.begun = append(l.begun, '\n')
		l.pass()
	}
	return l.err
}
