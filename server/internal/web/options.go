package web

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/firndb/firn"
)

// Options of a door. Zero means the default.
type Options struct {
	BodyBytes    int // of one request; default 16 MiB
	EventBytes   int // data of one event that is the body; default [firn.EventBytesMax]
	AppendEvents int // of one batch; default [firn.AppendEventsMax]

	MaxRequests      int64 // being answered, health and metrics apart; default 20,000
	MaxBytesInFlight int64 // of all bodies together; default 128 MiB

	StallTimeout time.Duration // how long a client may take nothing of its answer, or be late with its body; default 30 s

	// A subscription in which nothing happens sends a comment so often; default
	// 15 s, which is less than any proxy waits.
	Heartbeat time.Duration

	TLS *tls.Config // nil: none

	Logger *slog.Logger // nil: nothing is logged
}

func (o Options) withDefaults() Options {
	number := func(value *int, otherwise int) {
		if *value <= 0 {
			*value = otherwise
		}
	}
	number(&o.BodyBytes, 16<<20)
	number(&o.EventBytes, firn.EventBytesMax)
	number(&o.AppendEvents, firn.AppendEventsMax)
	if o.MaxRequests <= 0 {
		o.MaxRequests = 20_000
	}
	if o.MaxBytesInFlight <= 0 {
		o.MaxBytesInFlight = 128 << 20
	}
	if o.StallTimeout <= 0 {
		o.StallTimeout = 30 * time.Second
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 15 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
