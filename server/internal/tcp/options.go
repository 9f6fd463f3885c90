package tcp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/firndb/firn/server/wire"
)

// Options of a door. Zero means the default.
type Options struct {
	Limits wire.Limits // downwards only; a zero field is wire.DefaultLimits'

	MaxConnections        int   // default 10,000
	MaxCallsPerConnection int   // default 4,096
	MaxBytesInFlight      int64 // of all requests together; default 128 MiB
	MaxBytesSending       int64 // of all answers that clients have not taken yet; default 512 MiB

	HandshakeTimeout time.Duration // default 5 s
	FrameTimeout     time.Duration // for a frame that has begun to arrive (and 1 s for each 64 KiB of it), or a write under way; default 30 s
	KeepAlive        time.Duration // silence after which the client is asked; after three times that it is gone; default 30 s

	TLS *tls.Config // nil: none

	Logger *slog.Logger // nil: nothing is logged

	// Observe is called after each call, from many goroutines. nil: nobody asks.
	Observe func(kind wire.Kind, took time.Duration, err error)
}

// withDefaults checks the options and fills in what was not said.
func (o Options) withDefaults() (Options, error) {
	var faults []error
	number := func(name string, value *int, otherwise int) {
		if *value < 0 {
			faults = append(faults, fmt.Errorf("%s is %d; want 1 or more", name, *value))
		}
		if *value == 0 {
			*value = otherwise
		}
	}
	span := func(name string, value *time.Duration, otherwise time.Duration) {
		if *value < 0 {
			faults = append(faults, fmt.Errorf("%s is %v; want more than 0", name, *value))
		}
		if *value == 0 {
			*value = otherwise
		}
	}
	number("MaxConnections", &o.MaxConnections, 10_000)
	number("MaxCallsPerConnection", &o.MaxCallsPerConnection, 4096)
	size := func(name string, value *int64, otherwise int64) {
		if *value < 0 {
			faults = append(faults, fmt.Errorf("%s is %d; want 1 or more", name, *value))
		}
		if *value == 0 {
			*value = otherwise
		}
	}
	size("MaxBytesInFlight", &o.MaxBytesInFlight, 128<<20)
	size("MaxBytesSending", &o.MaxBytesSending, 512<<20)
	span("HandshakeTimeout", &o.HandshakeTimeout, 5*time.Second)
	span("FrameTimeout", &o.FrameTimeout, 30*time.Second)
	span("KeepAlive", &o.KeepAlive, 30*time.Second)
	o.Limits = o.Limits.Lower(wire.DefaultLimits())
	if o.Limits.FrameBytes < 1024 {
		faults = append(faults, fmt.Errorf("Limits.FrameBytes is %d; want 1,024 or more", o.Limits.FrameBytes))
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, errors.Join(faults...)
}
