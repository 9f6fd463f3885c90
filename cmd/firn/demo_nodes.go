package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/firndb/firn/server"
)

// demoNode is a node in a process of its own, as firn serve runs it.
type demoNode struct {
	id, address string
	words       []string // of its command line
	logPath     string

	process *exec.Cmd
	ended   chan struct{} // closed when the process is gone
}

func startDemoNodes(dir string) ([]*demoNode, error) {
	places, err := freePlaces(3)
	if err != nil {
		return nil, err
	}
	var members []string
	for i, at := range places {
		members = append(members, nodeID(i)+"="+at.Peer)
	}
	var nodes []*demoNode
	for i, at := range places {
		n := &demoNode{
			id: nodeID(i), address: at.Client, logPath: filepath.Join(dir, nodeID(i)+".log"),
			words: serveWords(nodeID(i), filepath.Join(dir, nodeID(i)), at, members),
		}
		nodes = append(nodes, n)
		if err := n.start(); err != nil {
			return nodes, err
		}
	}
	return nodes, nil
}

func serveWords(id, dir string, at server.Addresses, members []string) []string {
	return []string{"serve", "--id", id, "--dir", dir, "--listen", at.Client, "--peer", at.Peer, "--http", at.HTTP,
		"--bootstrap", strings.Join(members, ",")}
}

func (n *demoNode) start() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(n.logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	process := exec.Command(program, n.words...)
	process.Stdout, process.Stderr = log, log
	// A Ctrl-C in the terminal is for the demo, which then stops its nodes.
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := process.Start(); err != nil {
		return fmt.Errorf("node %s: %w", n.id, err)
	}
	ended := make(chan struct{})
	go func() {
		process.Wait()
		close(ended)
	}()
	n.process, n.ended = process, ended
	return nil
}

func (n *demoNode) runs() bool {
	select {
	case <-n.ended:
		return false
	default:
		return true
	}
}

// kill is kill -9: the process gets no chance to finish anything.
func (n *demoNode) kill() error {
	err := n.process.Process.Kill()
	<-n.ended
	return err
}

// stop asks the process to end, and then makes it.
func (n *demoNode) stop() {
	if n.process == nil {
		return
	}
	n.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.ended:
	case <-time.After(closePatience):
		n.kill()
	}
}

func (d *demo) node(id string) *demoNode {
	for _, n := range d.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

// dialNodes connects as soon as one node has opened its port.
func (d *demo) dialNodes() (store, error) {
	var addrs []string
	for _, n := range d.nodes {
		addrs = append(addrs, n.address)
	}
	for {
		db, err := d.dial(d.ctx, strings.Join(addrs, ","))
		if err == nil {
			return db, nil
		}
		if err := d.pause(err); err != nil {
			return nil, err
		}
	}
}

// waitForAll returns the leader's id once every node is up and has applied
// what the leader has.
func (d *demo) waitForAll() (leader string, err error) {
	for {
		status, err := d.db.Status(d.ctx, "")
		if err == nil {
			up := 0
			for _, n := range status.Nodes {
				if n.Up && n.Lag == 0 {
					up++
				}
			}
			if status.Leader != "" && up == len(d.nodes) {
				return status.Leader, nil
			}
			err = fmt.Errorf("%d of %d nodes are up and level, leader %q", up, len(d.nodes), status.Leader)
		}
		if err := d.pause(err); err != nil {
			return "", err
		}
	}
}

// pause waits a little before something is asked again. It gives reason back
// where asking again is no use.
func (d *demo) pause(reason error) error {
	for _, n := range d.nodes {
		if !n.runs() {
			return fmt.Errorf("node %s has ended; its log is %s", n.id, n.logPath)
		}
	}
	select {
	case <-d.ctx.Done():
		return errors.Join(errors.New("it took too long"), reason)
	case <-time.After(50 * time.Millisecond):
		return nil
	}
}
