package web

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
)

// Door is the HTTP door of one node.
type Door struct {
	// Set by New, then read only.
	backend Backend
	metrics *Metrics
	o       Options
	http    *http.Server

	reading      context.Context // ends when reads are cut off
	cutReads     context.CancelCauseFunc
	following    context.Context // ends when subscriptions are
	cutFollowers context.CancelCauseFunc

	requests atomic.Int64 // being answered
	bytes    atomic.Int64 // of bodies in memory
}

// New returns a door in front of a backend. Serve opens it.
func New(b Backend, m *Metrics, o Options) *Door {
	d := &Door{backend: b, metrics: m, o: o.withDefaults()}
	d.reading, d.cutReads = context.WithCancelCause(context.Background())
	d.following, d.cutFollowers = context.WithCancelCause(context.Background())
	d.http = &http.Server{
		Handler:           d.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second, // a body has more, see body.go
		WriteTimeout:      d.o.StallTimeout, // an answer that takes longer moves it, see lines.go
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(d.o.Logger.Handler(), slog.LevelWarn),
	}
	return d
}

// Serve answers requests on the listener until Close. Its error says why it
// cannot go on.
func (d *Door) Serve(l net.Listener) error {
	if d.o.TLS != nil {
		l = tls.NewListener(l, d.o.TLS) // net/http gives its handshake the time that headers have
	}
	if err := d.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

var errStopping = firn.Errorf(firn.ErrUnavailable, "this node is stopping; nothing more comes from it. Ask another node, or this one later")

// cutTime is how long a read that is cut off has to say so.
const cutTime = 100 * time.Millisecond

// Close lets nobody in any more, ends subscriptions and finishes what is being answered as long as
// ctx allows. Then reads end with an error, and connections are closed. The
// error is ctx's, where something had to be cut off.
func (d *Door) Close(ctx context.Context) error {
	d.cutFollowers(errStopping)
	err := d.http.Shutdown(ctx)
	d.cutReads(errStopping)
	if err != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutTime)
		defer cancel()
		d.http.Shutdown(last)
		d.http.Close()
	}
	return err
}
