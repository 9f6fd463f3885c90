package peertest

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/firndb/firn/replication/peer"
)

// Sim is a network in memory.
type Sim struct {
	mu        sync.Mutex
	changed   chan struct{} // closed and replaced when links or listeners change
	cut       map[link]bool
	delay     map[link]time.Duration
	listeners map[string]*listener
	pipes     map[*pipe]struct{}
	lives     map[string]int // how often a host has crashed
	port      int            // the last one given out for port 0
	held      int64
}

// link is one direction between two hosts.
type link struct{ from, to string }

// NewSim returns a network without hosts, delays and cuts.
func NewSim() *Sim {
	return &Sim{
		changed:   make(chan struct{}),
		cut:       map[link]bool{},
		delay:     map[link]time.Duration{},
		listeners: map[string]*listener{},
		pipes:     map[*pipe]struct{}{},
		lives:     map[string]int{},
		port:      40000,
	}
}

// Host returns the network as one host sees it, until it crashes.
func (s *Sim) Host(name string) peer.Network {
	s.mu.Lock()
	defer s.mu.Unlock()
	return host{s, name, s.lives[name]}
}

// Crash ends a host as a power cut does: its connections are reset, its
// listeners gone, and whoever runs on it reaches nobody any more. Host returns
// the same host, started again.
func (s *Sim) Crash(name string) {
	s.mu.Lock()
	s.lives[name]++
	var broken []*pipe
	for p := range s.pipes {
		if p.link.from == name || p.link.to == name {
			broken = append(broken, p)
		}
	}
	var gone []*listener
	for addr, l := range s.listeners {
		if hostOf(addr) == name {
			gone = append(gone, l)
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	for _, l := range gone {
		_ = l.Close()
	}
	for _, p := range broken {
		p.reset()
	}
}

// Held counts what has met a cut link so far: dials, and readers for whom
// something was under way.
func (s *Sim) Held() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// Cut holds back what from sends to to.
func (s *Sim) Cut(from, to string) {
	s.change(func() { s.cut[link{from, to}] = true })
}

// Part cuts every link between a host and the others, both ways.
func (s *Sim) Part(name string, others ...string) {
	s.change(func() {
		for _, other := range others {
			s.cut[link{name, other}] = true
			s.cut[link{other, name}] = true
		}
	})
}

// Heal takes back every cut.
func (s *Sim) Heal() {
	s.change(func() { clear(s.cut) })
}

// Delay sets how long what from sends takes to reach to.
func (s *Sim) Delay(from, to string, d time.Duration) {
	s.change(func() { s.delay[link{from, to}] = d })
}

// Break ends every connection between two hosts, as a reset does: what was
// under way is lost. It returns how many there were.
func (s *Sim) Break(a, b string) int {
	s.mu.Lock()
	var broken []*pipe
	for p := range s.pipes {
		if p.link == (link{a, b}) || p.link == (link{b, a}) {
			broken = append(broken, p)
		}
	}
	s.mu.Unlock()
	for _, p := range broken {
		p.reset()
	}
	return len(broken) / 2
}

// Connections counts the connections that neither side has closed.
func (s *Sim) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pipes) / 2
}

func (s *Sim) change(f func()) {
	s.mu.Lock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
	pipes := make([]*pipe, 0, len(s.pipes))
	for p := range s.pipes {
		pipes = append(pipes, p)
	}
	s.mu.Unlock()
	for _, p := range pipes {
		p.wake()
	}
}

func (s *Sim) isCut(l link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut[l] {
		s.held++
	}
	return s.cut[l]
}

func (s *Sim) delayOf(l link) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delay[l]
}

func (s *Sim) forget(p *pipe) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pipes, p)
}

type host struct {
	sim  *Sim
	name string
	life int // of the host; another one than the network knows: it has crashed
}

// up says whether the host lives. The caller holds mu.
func (h host) up() error {
	if h.sim.lives[h.name] != h.life {
		return syscall.ENETDOWN
	}
	return nil
}

func hostOf(addr string) string {
	name, _, _ := strings.Cut(addr, ":")
	return name
}

func (h host) Listen(addr string) (net.Listener, error) {
	s := h.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := h.up(); err != nil {
		return nil, err
	}
	if hostOf(addr) != h.name {
		return nil, fmt.Errorf("host %s cannot listen on %s", h.name, addr)
	}
	if strings.HasSuffix(addr, ":0") {
		s.port++
		addr = h.name + ":" + strconv.Itoa(s.port)
	}
	if s.listeners[addr] != nil {
		return nil, syscall.EADDRINUSE
	}
	l := &listener{sim: s, addr: address(addr), incoming: make(chan net.Conn, 128), closed: make(chan struct{})}
	s.listeners[addr] = l
	return l, nil
}

func (h host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	s := h.sim
	there, back := link{h.name, hostOf(addr)}, link{hostOf(addr), h.name}
	for {
		s.mu.Lock()
		changed, reachable, err := s.changed, !s.cut[there] && !s.cut[back], h.up()
		roundTrip := s.delay[there] + s.delay[back]
		if !reachable {
			s.held++
		}
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if reachable && roundTrip == 0 {
			// Not by a timer that is over at once: where goroutines of a bubble meet
			// such ones, Go 1.26's race detector crashes now and then.
			return h.connect(there, back, addr)
		}
		var arrive <-chan time.Time
		if reachable {
			timer := time.NewTimer(roundTrip)
			defer timer.Stop()
			arrive = timer.C
		}
		select {
		case <-arrive:
			return h.connect(there, back, addr)
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (h host) connect(there, back link, addr string) (net.Conn, error) {
	s := h.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := h.up(); err != nil {
		return nil, err
	}
	l := s.listeners[addr]
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	s.port++
	from := address(there.from + ":" + strconv.Itoa(s.port))
	out, in := newPipe(s, there), newPipe(s, back)
	select {
	case l.incoming <- &conn{read: out, write: in, local: l.addr, remote: from}:
		s.pipes[out], s.pipes[in] = struct{}{}, struct{}{}
		return &conn{read: in, write: out, local: from, remote: l.addr}, nil
	default:
		return nil, syscall.ECONNREFUSED // the backlog is full
	}
}

type address string

func (address) Network() string  { return "sim" }
func (a address) String() string { return string(a) }

type listener struct {
	sim      *Sim
	addr     address
	incoming chan net.Conn
	closed   chan struct{}
}

func (l *listener) Addr() net.Addr { return l.addr }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.sim.mu.Lock()
	if l.sim.listeners[string(l.addr)] != l {
		l.sim.mu.Unlock()
		return net.ErrClosed
	}
	delete(l.sim.listeners, string(l.addr))
	l.sim.mu.Unlock()
	close(l.closed)
	for {
		select {
		case c := <-l.incoming:
			_ = c.Close()
		default:
			return nil
		}
	}
}
