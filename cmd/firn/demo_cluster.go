package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/firndb/firn/server"
)

// demoCluster is three nodes, each a process running this very binary.
type demoCluster struct {
	binary string
	dir    string
	places []server.Addresses
	nodes  []*demoProcess
}

type demoProcess struct {
	cmd    *exec.Cmd
	log    *os.File
	exited chan struct{}
}

func startDemoCluster(dir string) (*demoCluster, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	places, err := freePlaces(3)
	if err != nil {
		return nil, err
	}
	d := &demoCluster{binary: binary, dir: dir, places: places, nodes: make([]*demoProcess, len(places))}
	for i := range places {
		if err := d.run(i); err != nil {
			d.killAll()
			return nil, err
		}
	}
	return d, nil
}

// run starts node i, anew or again.
func (d *demoCluster) run(i int) error {
	var members []string
	for j, at := range d.places {
		members = append(members, nodeID(j)+"="+at.Peer)
	}
	at := d.places[i]
	log, err := os.OpenFile(filepath.Join(d.dir, nodeID(i)+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	cmd := exec.Command(d.binary, "serve", "--id", nodeID(i), "--dir", filepath.Join(d.dir, nodeID(i)),
		"--listen", at.Client, "--peer", at.Peer, "--http", at.HTTP,
		"--bootstrap", strings.Join(members, ","), "--cache", "64MiB")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	p := &demoProcess{cmd: cmd, log: log, exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		cmd.Wait() // how it ended shows in what the demo finds afterwards
		log.Close()
	}()
	d.nodes[i] = p
	return nil
}

// kill ends the node with this id with SIGKILL, and returns once it is gone.
func (d *demoCluster) kill(id string) {
	for i, p := range d.nodes {
		if nodeID(i) == id && p != nil {
			p.cmd.Process.Kill()
			<-p.exited
			d.nodes[i] = nil
		}
	}
}

// killAll ends all nodes at once.
func (d *demoCluster) killAll() {
	for _, p := range d.nodes {
		if p != nil {
			p.cmd.Process.Kill()
		}
	}
	for i := range d.nodes {
		d.kill(nodeID(i))
	}
}

// runMissing starts the nodes that do not run, and returns their ids.
func (d *demoCluster) runMissing() (started []string, err error) {
	for i, p := range d.nodes {
		if p != nil {
			continue
		}
		if err := d.run(i); err != nil {
			return started, err
		}
		started = append(started, nodeID(i))
	}
	return started, nil
}

func (d *demoCluster) addresses() string {
	var all []string
	for _, at := range d.places {
		all = append(all, at.Client)
	}
	return strings.Join(all, ",")
}
