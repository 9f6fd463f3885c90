package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// overTCP is a command line against nodes that run in this process.
type overTCP struct {
	t *testing.T
	*localCluster
	addr     string
	terminal bool // what stdin, stdout and stderr are
}

func startNodes(t *testing.T, nodes int) *overTCP {
	t.Helper()
	places, err := freePlaces(nodes)
	if err != nil {
		t.Fatal(err)
	}
	l, err := startLocal(nodeLauncher{}, t.TempDir(), places, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Errorf("stopping the nodes: %v", err)
		}
	})
	if err := l.ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &overTCP{t: t, localCluster: l, addr: l.addrs()}
}

func (o *overTCP) run(stdin string, args ...string) result {
	var out, errs bytes.Buffer
	c := &console{
		in: strings.NewReader(stdin), out: &out, err: &errs,
		env: func(name string) string { return map[string]string{"FIRN_ADDR": o.addr}[name] },
		now: time.Now, launch: nodeLauncher{},

		terminalIn: o.terminal, terminalOut: o.terminal, terminalErr: o.terminal,
	}
	c.dial = c.dialCluster
	status := run(o.t.Context(), args, c)
	return result{status, out.String(), errs.String()}
}

func (o *overTCP) want(status int, part string, args ...string) {
	o.t.Helper()
	r := o.run("", args...)
	if r.status != status || !strings.Contains(r.out+r.err, part) {
		o.t.Errorf("firn %s: exit %d, want %d with %s\n%s%s", strings.Join(args, " "), r.status, status, part, r.out, r.err)
	}
}

// TestOverTCP runs every command that asks a cluster against a real one: that
// what the stories hold in memory is what nodes answer.
func TestOverTCP(t *testing.T) {
	o := startNodes(t, 1)
	const id = "11111111-1111-4111-8111-111111111111"
	o.want(0, `"first_revision":0,"last_revision":0,"first_position":1,"last_position":1,`, "append", "order-1", "--type", "T", "--data", `{"n": 1.50}`, "--expect", "none", "--id", id)
	o.want(0, `"repeated":true`, "append", "order-1", "--type", "T", "--data", `{"n": 1.50}`, "--expect", "none", "--id", id)
	o.want(exitConflict, `"expected":7,"actual":0`, "append", "order-1", "--type", "T", "--expect", "7", "-o", "json")
	o.want(exitConflict, `"kind":"id-reused"`, "append", "order-1", "--type", "T", "--id", id, "-o", "json")
	o.want(exitUsage, "begins with '$'", "append", "order-1", "--type", "$T")
	o.want(exitUsage, "belongs to the system", "append", "$order-1", "--type", "T")
	o.want(0, `"data":{"n":1.50},"metadata":null}`, "read", "order-1")
	o.want(0, `"position":1,`, "read", "--id", id)
	o.want(exitNotFound, `no stream "order-9"`, "read", "order-9")
	o.want(exitNotFound, "before", "read", "--all", "--at", "2020-01-01")
	o.want(0, "position 1", "read", "--all", "--at", "0s", "-o", "text")
	o.want(0, `{"stream":"order-1","category":"order","revision":0,"events":1,`, "streams")
	o.want(0, `{"events":`, "stats")
	o.want(0, `"subject":"order-1"`, "export", "--local")
	o.want(0, `"events":1,"position":2}`, "delete", "order-1")
	o.want(exitNotFound, "deleted at position 2", "read", "order-1")
	o.want(0, `"first_revision":1,`, "append", "order-1", "--type", "T", "--expect", "none")
	o.want(0, `"before":1,"events":0,`, "truncate", "order-1", "--before", "1")
	o.want(0, `"max_count":5`, "metadata", "order-1", "--max-count", "5")
	o.want(0, `"max_age":"36h0m0s","max_count":null`, "metadata", "--category", "order", "--max-age", "36h")
	o.want(0, `"max_age":"36h0m0s","max_count":3`, "metadata", "--category", "order", "--max-count", "3")
	o.want(0, `"life":"tombstoned"`, "delete", "order-1", "--tombstone")
	o.want(exitConflict, "tombstoned", "append", "order-1", "--type", "T")
	o.want(0, `{"leader":"n1",`, "cluster", "status")
	o.want(0, `{"ok":true,`, "verify")
	o.want(0, "$$order-1", "read", "--all", "--system", "-o", "text")
	o.want(exitUnavailable, "in use", "verify", "--dir", o.configs[0].Dir)
	o.want(exitUnavailable, "127.0.0.1:1", "stats", "--addr", "127.0.0.1:1", "--timeout", "300ms")
	o.want(exitUnavailable, "", "read", "order-1", "--wait-for", "999", "--timeout", "100ms")
}

func TestImportOverTCP(t *testing.T) {
	o := startNodes(t, 1)
	path := file(t, cloudEvents(300))
	o.want(0, `"events":300,"appended":300,`, "import", path)
	o.want(0, "imported already", "import", path)
	o.want(0, `"appended":0,"already_stored":300,`, "import", path, "--again", "--name", "twice")
	first := o.run("", "export").out
	if got := strings.Count(o.run("", "streams").out, "\n"); got != 4 {
		t.Errorf("%d streams are listed; the imports' own are the system's", got)
	}
	other := startNodes(t, 1)
	copied := filepath.Join(t.TempDir(), "copy.ndjson")
	if err := os.WriteFile(copied, []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	other.want(0, `"appended":300,`, "import", copied)
	second := other.run("", "export").out
	if firntime.ReplaceAllString(first, "") != firntime.ReplaceAllString(second, "") {
		t.Error("exported, imported and exported again: more than firntime has changed")
	}
}

// TestVerifyDir verifies a node that was stopped.
func TestVerifyDir(t *testing.T) {
	o := startNodes(t, 1)
	o.want(0, "", "append", "order-1", "--type", "T")
	dir := o.configs[0].Dir
	if err := o.nodes[0].Close(); err != nil {
		t.Fatal(err)
	}
	o.want(0, `{"ok":true,"events":1,"streams":1,`, "verify", "--dir", dir)
	o.want(exitUsage, "not the data directory of a node", "verify", "--dir", t.TempDir())
}
