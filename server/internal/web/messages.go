package web

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/firndb/firn"
)

// messages writes server-sent events (HTML, section 9.2):
//
//	event: caught-up          none: an event of the store
//	id: 120                   the position behind which a client goes on
//	data: {…}                 on one line
//
// Where nothing is to be told for a while it writes a comment, so that proxies
// keep the connection, and a client that has gone is noticed.
type messages struct {
	// Set before the first message, then read only.
	a       *answer
	stall   time.Duration
	beat    time.Duration
	resumed bool // the client has been here before

	// Guarded by mu. It is held while a message is written to the client, and
	// the heart's timer is the only other one who wants it.
	mu      sync.Mutex
	buf     []byte
	heart   *time.Timer
	stopped bool
	err     error // of the first write that failed
}

func newMessages(a *answer, stall, beat time.Duration) *messages {
	// A client that has lost its connection tries again after a second.
	m := &messages{a: a, stall: stall, beat: beat, buf: []byte("retry: 1000\n\n")}
	m.heart = time.AfterFunc(beat, m.beatOnce)
	return m
}

// stop ends the heart. Nothing is written afterwards.
func (m *messages) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped = true
	m.heart.Stop()
}

func (m *messages) beatOnce() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped || m.err != nil || m.a.began.IsZero() {
		return
	}
	m.buf = append(m.buf, ":\n\n"...)
	m.flush()
}

// message adds a message. Position 0 is none.
func (m *messages) message(kind string, at firn.Position, data []byte) error {
	if kind != "" {
		m.buf = append(append(append(m.buf, "event: "...), kind...), '\n')
	}
	if at != 0 {
		m.buf = append(strconv.AppendUint(append(m.buf, "id: "...), uint64(at), 10), '\n')
	}
	m.buf = append(append(append(m.buf, "data: "...), data...), '\n', '\n')
	if len(m.buf) < linesBytes {
		return nil
	}
	return m.flush()
}

// flush sends what was gathered. A client that takes nothing of it for a while
// is cut off.
func (m *messages) flush() error {
	if m.err != nil {
		return m.err
	}
	m.heart.Reset(m.beat)
	m.a.patient(m.stall)
	if _, m.err = m.a.Write(m.buf); m.err == nil {
		m.err = http.NewResponseController(m.a).Flush()
	}
	if m.buf = m.buf[:0]; cap(m.buf) > linesKept {
		m.buf = nil
	}
	return m.err
}
