package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// Options of a client. Zero means the default.
type Options struct {
	Name  string      // of the program, for the nodes' logs
	Actor string      // who causes what is appended: put into the metadata of drafts that name nobody; see firn.Draft.SetActor
	Token string      // proves who the client is, where nodes ask
	TLS   *tls.Config // nil: none; without a ServerName the address's host is expected

	// Timeout is how long a call is tried, repetitions included, and how long
	// a read waits without progress. Default 10 s.
	Timeout time.Duration

	// DialTimeout is for one connection with its handshake. Default 3 s.
	DialTimeout time.Duration

	// KeepAlive is after how much silence the node is asked for a sign of
	// life while calls wait for it; after twice that the connection is given
	// up. A node that owes what only the leader can answer is given up sooner,
	// where after a quarter of that time another one says that it does not lead
	// any more. Default 2 s.
	KeepAlive time.Duration

	// WindowBytes bounds what a read receives ahead of its consumer, and so
	// its memory. Default 2 MiB.
	WindowBytes int

	// Dial makes a connection; tests put networks of their own here.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

func (o Options) withDefaults() (Options, error) {
	var faults []error
	for _, span := range []struct {
		name      string
		value     *time.Duration
		otherwise time.Duration
	}{
		{"Timeout", &o.Timeout, 10 * time.Second},
		{"DialTimeout", &o.DialTimeout, 3 * time.Second},
		{"KeepAlive", &o.KeepAlive, 2 * time.Second},
	} {
		if *span.value < 0 {
			faults = append(faults, fmt.Errorf("%s is %v; want more than 0", span.name, *span.value))
		}
		if *span.value == 0 {
			*span.value = span.otherwise
		}
	}
	if o.WindowBytes < 0 {
		faults = append(faults, fmt.Errorf("WindowBytes is %d; want 1 or more", o.WindowBytes))
	}
	if o.WindowBytes == 0 {
		o.WindowBytes = 2 << 20
	}
	if len(o.Token)+len(o.Name) > wire.HelloBytesMax-256 {
		faults = append(faults, fmt.Errorf("the token and the name have %d bytes; the handshake has room for %d", len(o.Token)+len(o.Name), wire.HelloBytesMax-256))
	}
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		}
	}
	if len(faults) > 0 {
		return o, firn.Errorf(firn.ErrInvalid, "client options: %v", errors.Join(faults...))
	}
	return o, nil
}
