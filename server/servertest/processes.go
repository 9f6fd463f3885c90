package servertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
)

// binary builds the command once, for all tests of a package's run.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "firn-servertest-*")
	if err != nil {
		return "", err
	}
	built.Store(&dir)
	path := filepath.Join(dir, "firn")
	out, err := exec.Command("go", "build", "-o", path, "github.com/firndb/firn/cmd/firn").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// built is the directory that binary has made.
var built atomic.Pointer[string]

func removeBinary() {
	if dir := built.Load(); dir != nil {
		os.RemoveAll(*dir)
	}
}

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
	set    func(c *server.Config) // nil: the processes are "firn serve"
	secure *Authority             // nil: no TLS
	flags  [][]string             // of each node, each time that it is started
	nodes  []*process
}

type process struct {
	cmd    *exec.Cmd
	log    *Log
	exited chan struct{}
}

// Spawn starts a cluster of n processes, each "firn serve", and returns once it
// answers.
func Spawn(t testing.TB, n int, flags ...string) *Processes {
	t.Helper()
	return spawn(t, n, nil, nil, flags...)
}

// SpawnSecure is Spawn with certificates of the authority: all ports speak TLS.
func SpawnSecure(t testing.TB, n int, a *Authority, flags ...string) *Processes {
	t.Helper()
	return spawn(t, n, nil, a, flags...)
}

func spawn(t testing.TB, n int, set func(*server.Config), secure *Authority, flags ...string) *Processes {
	t.Helper()
	p := newProcesses(t, n)
	p.set, p.secure = set, secure
	p.begin(flags...)
	return p
}

func newProcesses(t testing.TB, n int) *Processes {
	t.Helper()
	p := &Processes{t: t, places: places(t, n), dir: t.TempDir(), nodes: make([]*process, n), flags: make([][]string, n)}
	p.Addresses = clientAddresses(p.places)
	return p
}

// begin starts all nodes, and returns once the cluster answers.
func (p *Processes) begin(flags ...string) {
	p.t.Helper()
	p.t.Cleanup(func() {
		for i := range p.nodes {
			p.Kill(i)
			if p.t.Failed() && p.nodes[i] != nil {
				p.t.Logf("node %s said at last:\n%s", id(i), p.nodes[i].log.end(30))
			}
		}
	})
	for i := range p.nodes {
		p.Run(i, flags...)
	}
	for i := range p.nodes {
		p.AwaitServing(i)
	}
	p.Dial()
}

// AwaitServing returns once node i serves all its ports, of which that for
// HTTP is the last one.
func (p *Processes) AwaitServing(i int) {
	p.t.Helper()
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		nc, err := net.Dial("tcp", p.HTTP(i))
		if err == nil {
			nc.Close()
			return
		}
		if !p.nodes[i].running() {
			p.t.Fatalf("node %s has ended before it served", id(i))
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("node %s does not serve within %v: %v", id(i), startTimeout, err)
		}
	}
}

// Run starts node i, anew or again.
func (p *Processes) Run(i int, flags ...string) {
	p.t.Helper()
	at, list := p.places[i], ""
	for _, m := range members(p.places) {
		list += "," + m.ID + "=" + m.Peer
	}
	args := append([]string{"serve", "--id", id(i), "--dir", p.Dir(i), "--listen", at.Client, "--peer", at.Peer,
		"--http", at.HTTP, "--bootstrap", list[1:], "--cache", "64MiB"}, slices.Concat(p.tlsFlags(i), p.flags[i], flags)...)
	var cmd *exec.Cmd
	if p.set == nil {
		cmd = exec.Command(Binary(p.t), args...)
	} else {
		cmd = p.asNode(server.Config{ID: id(i), Dir: p.Dir(i), Listen: at, Bootstrap: members(p.places), CacheBytes: 64 << 20})
	}
	p.start(i, cmd)
}

// Join starts one more node, which joins the cluster through node 0, and
// returns its number.
func (p *Processes) Join(flags ...string) int {
	p.t.Helper()
	p.places, p.nodes, p.flags = append(p.places, places(p.t, 1)...), append(p.nodes, nil), append(p.flags, nil)
	i := len(p.nodes) - 1
	p.Rejoin(i, p.Address(0), flags...)
	return i
}

// Rejoin starts node i so that it joins the cluster through the node at the
// client address.
func (p *Processes) Rejoin(i int, through string, flags ...string) {
	p.t.Helper()
	at := p.places[i]
	p.start(i, exec.Command(Binary(p.t), append([]string{"serve", "--id", id(i), "--dir", p.Dir(i), "--listen", at.Client, "--peer", at.Peer,
		"--http", at.HTTP, "--join", through, "--cache", "64MiB"}, slices.Concat(p.tlsFlags(i), flags)...)...))
}

func (p *Processes) start(i int, cmd *exec.Cmd) {
	p.t.Helper()
	node := &process{cmd: cmd, log: new(Log), exited: make(chan struct{})}
	if before := p.nodes[i]; before != nil {
		node.log = before.log // of a process that has ended
	}
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

// Peer returns the peer address of node i.
func (p *Processes) Peer(i int) string { return p.places[i].Peer }

// Nodes returns the client addresses of the nodes that run, apart from those
// left out.
func (p *Processes) Nodes(without ...int) []string {
	var list []string
	for i, node := range p.nodes {
		if node.running() && !slices.Contains(without, i) {
			list = append(list, p.places[i].Client)
		}
	}
	return list
}

func (p *process) running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Exited returns a channel that is closed once node i's process has ended.
func (p *Processes) Exited(i int) <-chan struct{} { return p.nodes[i].exited }

// Outcome returns the exit status of node i, whose process has ended, and all
// that it logged.
func (p *Processes) Outcome(i int) (status int, log string) {
	node := p.nodes[i]
	<-node.exited
	return node.cmd.ProcessState.ExitCode(), node.log.String()
}

// Kill ends node i with SIGKILL and returns once it is gone.
func (p *Processes) Kill(i int) {
	if node := p.nodes[i]; node != nil {
		node.cmd.Process.Kill()
		<-node.exited
	}
}

// KillAll ends all nodes with SIGKILL, none of them noticing that another one
// has gone.
func (p *Processes) KillAll() {
	for _, node := range p.nodes {
		if node != nil {
			node.cmd.Process.Kill()
		}
	}
	for i := range p.nodes {
		p.Kill(i)
	}
}

// Stop ends node i with SIGTERM and returns its exit status and what it logged.
func (p *Processes) Stop(i int) (status int, log string) {
	p.Signal(i, syscall.SIGTERM)
	return p.Outcome(i)
}

// Signal sends node i a signal, such as SIGSTOP.
func (p *Processes) Signal(i int, s os.Signal) { p.nodes[i].cmd.Process.Signal(s) }

// Leader waits for a leader and returns which node it is.
func (p *Processes) Leader(ctx context.Context, db *client.Client) int {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
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
	var o client.Options
	if p.secure != nil {
		o.TLS = p.secure.User("test")
	}
	return p.DialWith(o)
}

// DialWith is Dial with options.
func (p *Processes) DialWith(o client.Options) *client.Client {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var errs error
	for ctx.Err() == nil {
		db, err := client.Dial(ctx, p.Addresses, o)
		if err == nil {
			if _, _, err = db.Head(ctx, firn.Consistency{}); err == nil {
				p.t.Cleanup(func() { db.Close() })
				return db
			}
			db.Close()
		}
		errs = err
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatal(errors.Join(ctx.Err(), errs))
	return nil
}
