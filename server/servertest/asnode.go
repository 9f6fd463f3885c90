package servertest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/firndb/firn/server"
)

// asNodeVariable carries a node's configuration to a test binary that runs as
// that node.
const asNodeVariable = "FIRN_SERVERTEST_NODE"

// Main is for a package's TestMain, where it uses [SpawnWith]. In a process that
// was started to be a node it runs that node, and does not return. More tests
// run at once than the machine has cores, since most of their time they wait.
func Main(m *testing.M) { MainWith(m, server.Start) }

// MainWith is Main with another way to start such a node.
func MainWith(m *testing.M, start func(server.Config) (*server.Node, error)) {
	if text := os.Getenv(asNodeVariable); text != "" {
		os.Exit(asNode(text, start))
	}
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err) // there is no such flag
	}
	status := m.Run()
	removeBinary()
	os.Exit(status)
}

// portable is the part of a node's configuration that another process can be
// told.
type portable struct {
	ID, Dir    string
	Listen     server.Addresses
	Bootstrap  []server.Member
	CacheBytes int64
	Heartbeat  time.Duration
	Limits     server.Limits
	RaftLog    server.RaftLog
}

// SpawnWith is [Spawn] with something set on each node's configuration that
// "firn serve" has no flag for, such as its RaftLog.
func SpawnWith(t testing.TB, n int, set func(c *server.Config)) *Processes {
	t.Helper()
	return spawn(t, n, set, nil)
}

// asNode is this very program, to be run as a node.
func (p *Processes) asNode(c server.Config) *exec.Cmd {
	p.t.Helper()
	p.set(&c)
	text, err := json.Marshal(portable{c.ID, c.Dir, c.Listen, c.Bootstrap, c.CacheBytes, c.Heartbeat, c.Limits, c.RaftLog})
	if err != nil {
		p.t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), asNodeVariable+"="+string(text))
	return cmd
}

// closePatience is how long a node that has failed may take to stop, as with
// "firn serve".
const closePatience = 10 * time.Second

func asNode(text string, start func(server.Config) (*server.Node, error)) int {
	var p portable
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	n, err := start(server.Config{
		ID: p.ID, Dir: p.Dir, Listen: p.Listen, Bootstrap: p.Bootstrap, CacheBytes: p.CacheBytes, Heartbeat: p.Heartbeat,
		Limits: p.Limits, RaftLog: p.RaftLog, Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	select {
	case <-ctx.Done():
		err = n.Close()
	case <-n.Failed():
		closed := make(chan error, 1)
		go func() { closed <- n.Close() }()
		select {
		case err = <-closed:
		case <-time.After(closePatience):
		}
		err = errors.Join(n.Err(), err)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
