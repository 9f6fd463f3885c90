package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/wire"
)

// fakeLauncher starts nodes that open no port.
type fakeLauncher struct {
	started []server.Config
	nodes   []*fakeNode
	ready   func() // called when the last node is asked whether it is ready
	err     error
}

type fakeNode struct {
	l      *fakeLauncher
	failed chan struct{}
	closed bool
}

func (l *fakeLauncher) Start(c server.Config) (node, error) {
	if l.err != nil && len(l.nodes) > 0 {
		return nil, l.err
	}
	l.started = append(l.started, c)
	n := &fakeNode{l: l, failed: make(chan struct{})}
	l.nodes = append(l.nodes, n)
	return n, nil
}

func (l *fakeLauncher) VerifyDir(context.Context, string, func(done, total uint64)) (wire.Report, error) {
	return wire.Report{Events: 3, Faults: []wire.Fault{{Invariant: 4, Key: []byte{1}, Stream: "a", Position: 2, Text: "9 is not 8"}}}, nil
}

func (n *fakeNode) Ready(context.Context) error {
	if n == n.l.nodes[len(n.l.nodes)-1] && n.l.ready != nil {
		n.l.ready()
	}
	return nil
}
func (n *fakeNode) Open() bool                { return true }
func (n *fakeNode) Failed() <-chan struct{}   { return n.failed }
func (n *fakeNode) Err() error                { return errors.New("the disk answers no more") }
func (n *fakeNode) Close() error              { n.closed = true; return nil }
func (n *fakeNode) ReloadCertificates() error { return nil }

// runUntilReady runs a command line that is told to stop once its nodes are ready.
func (c *cli) runUntilReady(l *fakeLauncher, args ...string) result {
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	if l.ready == nil {
		l.ready = cancel
	}
	c.launch = l
	var out, err bytes.Buffer
	status := run(ctx, args, c.console("", &out, &err))
	return result{status, out.String(), err.String()}
}

func TestServeFromFlagsAndEnvironment(t *testing.T) {
	c, l := newCLI(t), &fakeLauncher{}
	c.env["FIRN_SERVE_DIR"], c.env["FIRN_SERVE_ID"], c.env["FIRN_SERVE_CACHE"] = "from-env", "from-env", "1GiB"
	c.env["FIRN_SERVE_ADVERTISE_PEER"], c.env["FIRN_SERVE_INSECURE"] = "10.0.0.1:7410", "true"
	r := c.runUntilReady(l, "serve", "--id", "n1", "--listen", "0.0.0.0:7400", "--advertise", "10.0.0.1:7400", "--peer", "0.0.0.0:7410",
		"--bootstrap", "n1=10.0.0.1:7410,n2=10.0.0.2:7410", "--bootstrap", "n3=10.0.0.3:7410", "--disk-reserve", "1024KiB", "--max-connections", "7",
		"--max-frame", "2MiB", "--max-event", "512KiB", "--max-append", "1MiB", "--max-append-events", "100", "--max-name", "64", "--heartbeat", "1s", "--scrub", "32MiB/s")
	if r.status != exitDone || len(l.started) != 1 || !l.nodes[0].closed {
		t.Fatalf("exit %d, %d nodes: %s", r.status, len(l.started), r.err)
	}
	got := l.started[0]
	got.Logger = nil
	want := server.Config{
		ID: "n1", Dir: "from-env",
		Listen:     server.Addresses{Client: "0.0.0.0:7400", Peer: "0.0.0.0:7410"},
		Advertise:  server.Addresses{Client: "10.0.0.1:7400", Peer: "10.0.0.1:7410"},
		Bootstrap:  []server.Member{{ID: "n1", Peer: "10.0.0.1:7410"}, {ID: "n2", Peer: "10.0.0.2:7410"}, {ID: "n3", Peer: "10.0.0.3:7410"}},
		CacheBytes: 1 << 30, DiskReserve: 1 << 20, MaxConnections: 7, Insecure: true, Heartbeat: time.Second,
		Limits: server.Limits{FrameBytes: 2 << 20, EventBytes: 512 << 10, AppendBytes: 1 << 20, AppendEvents: 100, NameBytes: 64},
		Scrub:  server.Scrub{Rate: 32 << 20},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	c.env["FIRN_SERVE_CACHE"], c.env["FIRN_SERVE_TLS"] = "", "certs"
	l = &fakeLauncher{}
	if r := c.runUntilReady(l, "serve", "--listen", "127.0.0.1:1", "--peer", "127.0.0.1:2"); r.status != exitDone || l.started[0].TLS != "certs" {
		t.Errorf("exit %d, %+v: %s", r.status, l.started, r.err)
	}
	for rate, want := range map[string]int{"off": exitDone, "16MiB": exitUsage, "0B/s": exitUsage, "fast": exitUsage} {
		l = &fakeLauncher{}
		if r := c.runUntilReady(l, "serve", "--listen", "127.0.0.1:1", "--peer", "127.0.0.1:2", "--scrub", rate); r.status != want || want == exitDone && l.started[0].Scrub.Rate != 0 {
			t.Errorf("--scrub %s: exit %d, %+v: %s", rate, r.status, l.started, r.err)
		}
	}
	c.env["FIRN_SERVE_CACHE"] = "much"
	c.fails(exitUsage, `FIRN_SERVE_CACHE: invalid argument "much" for "--cache" flag: "much" is no size`, "serve")
}

func TestServeEndsWhenItsNodeFails(t *testing.T) {
	c, l := newCLI(t), &fakeLauncher{}
	l.ready = func() { close(l.nodes[0].failed) }
	r := c.runUntilReady(l, "serve", "--id", "n1", "--dir", "d", "--listen", "127.0.0.1:1", "--peer", "127.0.0.1:2")
	if r.status != exitOther || !strings.Contains(r.err, "the disk answers no more") || !l.nodes[0].closed {
		t.Errorf("exit %d: %s", r.status, r.err)
	}
}

func TestUp(t *testing.T) {
	c, l := newCLI(t), &fakeLauncher{}
	dir := t.TempDir()
	r := c.runUntilReady(l, "up", "--dir", dir, "-o", "text")
	want := "n1\t127.0.0.1:7400\t127.0.0.1:7410\t127.0.0.1:7420\t" + filepath.Join(dir, "n1") + "\n"
	if r.status != exitDone || !strings.HasPrefix(r.out, want) || strings.Count(r.out, "\n") != 3 || !strings.Contains(r.err, "firn append order-1") || !strings.Contains(r.err, "there are no users") {
		t.Errorf("exit %d\n%s%s", r.status, r.out, r.err)
	}
	if len(l.started) != 3 || len(l.started[2].Bootstrap) != 3 || l.started[2].Bootstrap[0].Peer != "127.0.0.1:7410" {
		t.Errorf("started %+v", l.started)
	}
	for i, n := range l.nodes {
		if !n.closed {
			t.Errorf("node %d was not stopped", i)
		}
	}
}

func TestUpRefusesAnotherNumberOfNodes(t *testing.T) {
	c, dir := newCLI(t), t.TempDir()
	if r := c.runUntilReady(&fakeLauncher{}, "up", "--dir", dir); r.status != exitDone {
		t.Fatal(r.err)
	}
	c.fails(exitUsage, "holds a cluster of 3 nodes; say --nodes 3", "up", "--dir", dir, "--nodes", "1")
	if err := os.WriteFile(filepath.Join(dir, nodesFile), []byte("many"), 0o644); err != nil {
		t.Fatal(err)
	}
	c.fails(exitUsage, "is no directory of firn up", "up", "--dir", dir)
}

func TestUpInATemporaryDirectory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	c, l := newCLI(t), &fakeLauncher{}
	if r := c.runUntilReady(l, "up", "--temp", "--nodes", "1", "--port", "9000"); r.status != exitDone || !strings.Contains(r.err, "--addr 127.0.0.1:9000") {
		t.Errorf("exit %d: %s", r.status, r.err)
	}
	if _, err := os.Stat(filepath.Dir(l.started[0].Dir)); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func TestUpStopsWhatItStarted(t *testing.T) {
	c, l := newCLI(t), &fakeLauncher{err: firn.Errorf(firn.ErrUnavailable, "the address 127.0.0.1:7401 is in use")}
	if r := c.runUntilReady(l, "up", "--dir", t.TempDir()); r.status != exitUnavailable || !strings.Contains(r.err, "node n2: the address") || !l.nodes[0].closed {
		t.Errorf("exit %d: %s", r.status, r.err)
	}
	c, l = newCLI(t), &fakeLauncher{}
	l.ready = func() { close(l.nodes[1].failed) }
	if r := c.runUntilReady(l, "up", "--dir", t.TempDir()); r.status != exitOther || !strings.Contains(r.err, "node n2 cannot go on: the disk answers no more") {
		t.Errorf("exit %d: %s", r.status, r.err)
	}
}

func TestDamageIsExitStatus7(t *testing.T) {
	c := newCLI(t)
	c.launch = &fakeLauncher{}
	r := c.fails(exitDamaged, "1 fault; the first: invariant 4: 9 is not 8", "verify", "--dir", "d")
	want := `{"ok":false,"events":3,"streams":0,"layers":0,"chain_index":0,"chain_hash":"0000000000000000","faults":[{"invariant":4,"key":"01","stream":"a","position":2,"text":"9 is not 8"}]}` + "\n"
	if r.out != want {
		t.Errorf("printed %s\nwant    %s", r.out, want)
	}
}
