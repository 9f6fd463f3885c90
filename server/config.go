package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/peer"
	"github.com/firndb/firn/server/internal/security"
	"github.com/firndb/firn/server/wire"
)

// Config says what one node is. It is checked once, by [Start]; nothing is set
// afterwards. Zero means the default unless a field says otherwise.
type Config struct {
	ID        string    // names the node in its cluster, for good: 1 to 64 letters, digits, '.', '_', '-'
	Dir       string    // its data directory; made where it does not exist
	Listen    Addresses // where it listens
	Advertise Addresses // where others reach it; default Listen

	// How a fresh directory comes to its data; ignored on a directory that has some.
	Bootstrap []Member // the cluster's first nodes, the same list on each of them
	Join      string   // client address of any node of the cluster to join
	JoinToken string   // of an admin there; default AdminToken
	Replica   bool     // joins to serve reads: it has no vote until it is promoted

	CacheBytes     int64  // memory for caches; default 256 MiB
	MaxConnections int    // client connections; default 20,000
	DiskReserve    uint64 // bytes to keep free; default the larger of 512 MiB and 2 % of the disk
	Limits         Limits // configured downwards
	Insecure       bool   // listen beyond loopback without TLS: everybody who reaches the ports may do everything

	// TLS is a directory with this node's certificate, its key and the
	// authorities that it trusts (package internal/certificate has the names).
	// All three ports then speak TLS 1.3 and nothing else. "": no TLS.
	TLS string

	// RequireUsers lets nobody do anything before there is a user.
	RequireUsers bool
	AdminToken   string // whoever presents it to this node is an admin, before there are users and when no other is left; 32 bytes or more, "": none

	Heartbeat time.Duration // after so long without its leader, a node stands for election; the same on all nodes, at least 20 ms; default 300 ms

	Scavenge Scavenge               // when the leader scavenges by itself; default: when it is worth it
	RaftLog  RaftLog                // when the Raft log is shortened
	Scrub    Scrub                  // how the data is read for damage in the background; default: not at all
	DiskFree func() (uint64, error) // how many bytes the disk has left; default: the file system is asked
	Peers    peer.Network           // how nodes reach each other; default [peer.TCP]; tests put a simulated one in its place

	Logger  *slog.Logger // default slog.Default()
	OnFatal func(error)  // the node cannot go on; default: Node.Failed and nothing else
}

// Addresses are one node's three ports, each host:port.
type Addresses struct {
	Client string // the TCP protocol
	Peer   string // other nodes
	HTTP   string // events over HTTP, health and metrics; "": none
}

// Limits bound what a client may send. Zero, or more than what every Firn
// allows (see [wire.DefaultLimits]), means that.
type Limits struct {
	FrameBytes   int // at least 1,024
	EventBytes   int
	AppendBytes  int
	AppendEvents int
	NameBytes    int // of a stream
}

func (l *Limits) check() error {
	for _, limit := range []struct {
		name         string
		value, least int
	}{
		{"frames", l.FrameBytes, 1024}, {"events", l.EventBytes, 1}, {"appends", l.AppendBytes, 1},
		{"the number of events in an append", l.AppendEvents, 1}, {"stream names", l.NameBytes, 1},
	} {
		if limit.value != 0 && limit.value < limit.least {
			return fmt.Errorf("a limit of %d on %s; give at least %d", limit.value, limit.name, limit.least)
		}
	}
	return nil
}

func (l *Limits) wire() wire.Limits {
	return wire.Limits{
		FrameBytes: uint64(l.FrameBytes), EventBytes: uint64(l.EventBytes), AppendBytes: uint64(l.AppendBytes),
		AppendEvents: uint64(l.AppendEvents), NameBytes: uint64(l.NameBytes),
	}
}

// RaftLog says how much of the Raft log a node keeps. A replica that is further
// behind than that gets an image instead. Zero means the default.
type RaftLog struct {
	SnapshotBytes uint64 // it is shortened each time it has grown by this; 64 MiB
	TrailingBytes uint64 // what shortening leaves; 128 MiB
}

// Scavenge says when a leader scavenges by itself: never, once a day between two
// times of day, UTC, where there is something to be had back, or, with zero times,
// when it is worth it: a twentieth of the store, or 1 GiB.
type Scavenge struct {
	Off      bool
	From, To time.Duration
}

// ParseScavenge reads auto, off, or two times of day as in 03:00-05:00.
func ParseScavenge(s string) (Scavenge, error) {
	switch s {
	case "", "auto":
		return Scavenge{}, nil
	case "off":
		return Scavenge{Off: true}, nil
	}
	from, to, ok := strings.Cut(s, "-")
	begin, err1 := time.Parse("15:04", from)
	end, err2 := time.Parse("15:04", to)
	if !ok || err1 != nil || err2 != nil || begin.Equal(end) {
		return Scavenge{}, firn.Errorf(firn.ErrInvalid, "scavenge %.40q; give auto, off, or two times of day, UTC, as in 03:00-05:00", s)
	}
	midnight := begin.Truncate(24 * time.Hour)
	return Scavenge{From: begin.Sub(midnight), To: end.Sub(midnight)}, nil
}

// Member is one of a cluster's first nodes.
type Member struct {
	ID   string
	Peer string // its advertised peer address
}

const cacheBytesDefault = 256 << 20

const adminTokenBytesMin = 32

// access says who may call the node.
func (c *Config) access() security.Rules {
	r := security.Rules{Require: c.RequireUsers, Certificates: c.TLS != ""}
	if c.AdminToken != "" {
		hash := security.HashToken(c.AdminToken)
		r.Operator = &hash
	}
	return r
}

// Bounds of Config.Heartbeat. A longer one would leave a cluster without a
// leader for minutes.
const (
	heartbeatMin = 20 * time.Millisecond
	heartbeatMax = time.Minute
)

var validID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// check fills in defaults and names every fault at once.
func (c *Config) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !validID.MatchString(c.ID) {
		fault("the id %.80q; give 1 to 64 letters, digits, '.', '_' or '-'", c.ID)
	}
	if c.Heartbeat != 0 && (c.Heartbeat < heartbeatMin || c.Heartbeat > heartbeatMax) {
		fault("a heartbeat of %v; give one of %v to %v", c.Heartbeat, heartbeatMin, heartbeatMax)
	}
	if c.Dir == "" {
		fault("there is no data directory; name one")
	}
	for _, port := range []struct {
		name               string
		listen             string
		advertise          *string
		required, loopback bool
	}{
		{"client", c.Listen.Client, &c.Advertise.Client, true, false},
		{"peer", c.Listen.Peer, &c.Advertise.Peer, true, false},
		{"HTTP", c.Listen.HTTP, &c.Advertise.HTTP, false, false},
	} {
		if port.listen == "" {
			if port.required {
				fault("there is no %s address to listen on; give host:port", port.name)
			}
			continue
		}
		if *port.advertise == "" {
			*port.advertise = port.listen
		}
		if err := checkAddress(port.listen); err != nil {
			fault("%s address %q: %w", port.name, port.listen, err)
			continue
		}
		if c.TLS == "" && !c.Insecure && !isLoopback(port.listen) {
			fault("%s address %q is not loopback, and without TLS everybody who reaches it may read and write everything; give certificates with --tls (firn cert makes them), listen on 127.0.0.1, or say --insecure where the network itself is closed",
				port.name, port.listen)
		}
		if host, _, err := net.SplitHostPort(*port.advertise); err != nil || isUnspecified(host) {
			fault("others cannot reach the %s address %q; advertise one that they can", port.name, *port.advertise)
		}
	}
	if c.TLS != "" && c.Insecure {
		fault("both TLS and insecure are given; the ports are either closed to strangers or open")
	}
	faults = append(faults, c.checkBootstrap()...)
	if err := c.Limits.check(); err != nil {
		faults = append(faults, err)
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = cacheBytesDefault
	}
	if c.CacheBytes < 8<<20 {
		fault("a cache of %d bytes; give at least 8 MiB", c.CacheBytes)
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = 20_000
	}
	if c.MaxConnections < 0 {
		fault("at most %d connections; give a positive number", c.MaxConnections)
	}
	if n := len(c.AdminToken); n > 0 && n < adminTokenBytesMin {
		fault("an admin token of %d bytes can be guessed; give one of %d or more, as firn user token makes it", n, adminTokenBytesMin)
	}
	if c.JoinToken == "" {
		c.JoinToken = c.AdminToken
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Peers == nil {
		c.Peers = peer.TCP{}
	}
	if err := errors.Join(faults...); err != nil {
		return firn.Errorf(firn.ErrInvalid, "this node cannot be configured so: %s", strings.ReplaceAll(err.Error(), "\n", "; and "))
	}
	return nil
}

func (c *Config) checkBootstrap() (faults []error) {
	if len(c.Bootstrap) == 0 {
		return nil
	}
	if c.Replica {
		faults = append(faults, errors.New("both bootstrap and replica are given; the first nodes of a cluster have a vote, and a read replica joins them"))
	}
	if c.Join != "" {
		faults = append(faults, errors.New("both bootstrap and join are given; a node either begins a cluster or joins one"))
	}
	seen := map[string]bool{}
	for _, m := range c.Bootstrap {
		if !validID.MatchString(m.ID) || seen[m.ID] || seen[m.Peer] {
			faults = append(faults, fmt.Errorf("bootstrap entry %s=%s: ids and addresses must be valid and differ", m.ID, m.Peer))
		}
		if err := checkAddress(m.Peer); err != nil {
			faults = append(faults, fmt.Errorf("bootstrap entry %s=%s: %w", m.ID, m.Peer, err))
		}
		seen[m.ID], seen[m.Peer] = true, true
	}
	self := slices.IndexFunc(c.Bootstrap, func(m Member) bool { return m.ID == c.ID })
	switch {
	case self < 0:
		faults = append(faults, fmt.Errorf("the bootstrap list does not name this node, %q; it is the same list on every first node", c.ID))
	case c.Bootstrap[self].Peer != c.Advertise.Peer && c.Advertise.Peer != "":
		faults = append(faults, fmt.Errorf("the bootstrap list has %s=%s, but this node's peer address is %s", c.ID, c.Bootstrap[self].Peer, c.Advertise.Peer))
	}
	return faults
}

func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil && port == "" {
		err = errors.New("no port")
	}
	if err != nil {
		return errors.New("not of the form host:port")
	}
	if _, err := net.LookupPort("tcp", port); err != nil {
		return fmt.Errorf("%q is not a port", port)
	}
	return nil
}

func isLoopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func isUnspecified(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}
