package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/function"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/server"
)

// consumer returns what handles a delivery.
func (s *session) consumer(o *consumeOptions, errs *shared) (func(context.Context, firn.Delivery) error, error) {
	switch {
	case o.exec != "":
		x := &function.Exec{Group: o.group, Command: o.exec, Stdout: s.out, Stderr: errs}
		return telling(errs, x.Handle), nil
	case o.post != "":
		secrets, err := s.secrets(o)
		if err != nil {
			return nil, err
		}
		p := &function.Post{
			Group: o.group, URL: o.post, Binary: o.binary, Timeout: s.timeout, Secrets: secrets,
			Agent: "firn/" + server.Version(), Client: function.NewClient(o.parallel),
		}
		return telling(errs, p.Handle), nil
	}
	var mu sync.Mutex
	return func(_ context.Context, d firn.Delivery) error {
		mu.Lock()
		defer mu.Unlock()
		err := s.print.delivery(&d)
		if err == nil {
			err = s.print.flush()
		}
		if err != nil {
			return client.Stop(err)
		}
		return nil
	}, nil
}

func (s *session) secrets(o *consumeOptions) ([]function.Secret, error) {
	text := s.env(secretVariable)
	if o.secretFile != "" {
		b, err := os.ReadFile(o.secretFile)
		if err != nil {
			return nil, usage("--secret-file: %v", err)
		}
		text = string(b)
	}
	secrets, err := function.ParseSecrets(text)
	if err == nil && o.secretFile != "" && len(secrets) == 0 {
		err = usage("--secret-file %s has no secret in it", o.secretFile)
	}
	return secrets, err
}

// telling says on standard error what a function did not take.
func telling(errs *shared, handle func(context.Context, firn.Delivery) error) func(context.Context, firn.Delivery) error {
	return func(ctx context.Context, d firn.Delivery) error {
		err := handle(ctx, d)
		if err != nil {
			fmt.Fprintf(errs, "firn: %s revision %d (position %d), attempt %d: %v\n", d.Event.Stream, d.Event.Revision, d.Event.Position, d.Attempt, err)
		}
		return err
	}
}

// delivery prints an event with what a consumer knows beside it.
func (p *printer) delivery(d *firn.Delivery) error {
	if p.format != "json" {
		return p.event(&d.Event)
	}
	var o jsonline.Object
	eventjson.Event(&o, &d.Event)
	o.Uint("attempt", uint64(d.Attempt))
	o.Bool("replay", d.Replay)
	return p.line(o.Bytes())
}

// shared is a writer for many goroutines.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(b)
}
