package servertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
)

// binary builds the command once, for all tests of a package's run.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "firn-servertest-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "firn")
	out, err := exec.Command("go", "build", "-o", path, "github.com/firndb/firn/cmd/firn").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// Binary returns the path of the firn command, built from these sources.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Processes is a cluster of real processes. One goroutine uses it.
type Processes struct {
	Addresses string // of all nodes, for clients

	t      testing.TB
	places []server.Addresses
	dir    string
	nodes  []*process
}

type process struct {
	cmd    *exec.Cmd
	log    *bytes.Buffer
	exited chan struct{}
}

// Spawn starts a cluster of n processes and returns once it answers.
func Spawn(t testing.TB, n int, flags ...string) *Processes {
	t.Helper()
	p := &Processes{t: t, places: places(t, n), dir: t.TempDir(), nodes: make([]*process, n)}
	p.Addresses = clientAddresses(p.places)
	t.Cleanup(func() {
		for i := range p.nodes {
			p.Kill(i)
			if t.Failed() && p.nodes[i] != nil {
				t.Logf("node %s said:\n%s", id(i), p.nodes[i].log)
			}
		}
	})
	for i := range n {
		p.Run(i, flags...)
	}
	p.Dial()
	return p
}

// Run starts node i, anew or again.
func (p *Processes) Run(i int, flags ...string) {
	p.t.Helper()
	at, list := p.places[i], ""
	for _, m := range members(p.places) {
		list += "," + m.ID + "=" + m.Peer
	}
	args := append([]string{"serve", "--id", id(i), "--dir", p.Dir(i), "--listen", at.Client, "--peer", at.Peer,
		"--http", at.HTTP, "--bootstrap", list[1:], "--cache", "64MiB"}, flags...)
	node := &process{cmd: exec.Command(Binary(p.t), args...), log: new(bytes.Buffer), exited: make(chan struct{})}
	node.cmd.Stderr = node.log
	if err := node.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(node.exited)
		node.cmd.Wait()
	}()
	p.nodes[i] = node
}

// Dir returns the data directory of node i.
func (p *Processes) Dir(i int) string { return filepath.Join(p.dir, id(i)) }

// Address returns the client address of node i.
func (p *Processes) Address(i int) string { return p.places[i].Client }

// HTTP returns the HTTP address of node i.
func (p *Processes) HTTP(i int) string { return p.places[i].HTTP }

// Kill ends node i with SIGKILL and returns once it is gone.
func (p *Processes) Kill(i int) {
	if node := p.nodes[i]; node != nil {
		node.cmd.Process.Kill()
		<-node.exited
	}
}

// Stop ends node i with SIGTERM and returns its exit status and what it logged.
func (p *Processes) Stop(i int) (status int, log string) {
	node := p.nodes[i]
	node.cmd.Process.Signal(syscall.SIGTERM)
	<-node.exited
	return node.cmd.ProcessState.ExitCode(), node.log.String()
}

// Signal sends node i a signal, such as SIGSTOP.
func (p *Processes) Signal(i int, s os.Signal) { p.nodes[i].cmd.Process.Signal(s) }

// Leader waits for a leader and returns which node it is.
func (p *Processes) Leader(ctx context.Context, db *client.Client) int {
	p.t.Helper()
	for ctx.Err() == nil {
		if status, err := db.Status(ctx, ""); err == nil && status.Leader != "" {
			for i := range p.nodes {
				if id(i) == status.Leader {
					return i
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatalf("no leader: %v", ctx.Err())
	return -1
}

// Dial returns a client of the whole cluster, once the cluster answers a
// linearizable call. It is closed when the test ends.
func (p *Processes) Dial() *client.Client {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var errs error
	for ctx.Err() == nil {
		db, err := client.Dial(ctx, p.Addresses, client.Options{})
		if err == nil {
			p.t.Cleanup(func() { db.Close() })
			return db
		}
		errs = err
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatal(errors.Join(ctx.Err(), errs))
	return nil
}
