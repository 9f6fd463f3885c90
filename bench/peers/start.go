package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"
)

const (
	startTimeout = time.Minute
	startPause   = 20 * time.Millisecond
	attemptTime  = time.Second
)

// nodeName names the nodes of a cluster n1, n2 …
func nodeName(i int) string { return fmt.Sprint("n", i+1) }

// freeAddresses returns loopback addresses that nobody listens on just now.
func freeAddresses(n int) ([]string, error) {
	addresses := make([]string, n)
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all are held until all are found, so that they differ
		addresses[i] = l.Addr().String()
	}
	return addresses, nil
}

// port returns an address's port.
func port(address string) string {
	_, p, _ := strings.Cut(address, ":")
	return p
}

// eventually tries until it succeeds, for as long as a system may take to start.
func eventually(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		attempt, cancel := context.WithTimeout(ctx, attemptTime)
		err := try(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", startTimeout, err)
		case <-time.After(startPause):
		}
	}
}

// output runs a program and returns what it printed; where it fails that is in
// the error.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, text)
	}
	return text, err
}

// firstLine returns what a program prints about its version, or that it is not
// known.
func firstLine(program string, args ...string) string {
	text, err := output(exec.Command(program, args...))
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// errInstall says how to get what is missing.
func errInstall(what string) error {
	return errors.New(what + " is not installed; bench/peers/run installs it")
}
