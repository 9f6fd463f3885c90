package wire

import (
	"time"

	"github.com/firndb/firn"
)

// Limits of one connection. What a client asks for in Hello, the node grants
// in Welcome, lowered to its own. In Hello, 0 asks for the node's.
//
//	[frame bytes uint, event bytes uint, append bytes uint, append events uint, name bytes uint]
type Limits struct {
	FrameBytes   uint64 // all of a frame that its length counts
	EventBytes   uint64 // data and metadata of one event
	AppendBytes  uint64 // all records of one append
	AppendEvents uint64
	NameBytes    uint64 // of a stream
}

// DefaultLimits are the highest that any node grants.
func DefaultLimits() Limits {
	return Limits{
		FrameBytes: 16 << 20, EventBytes: firn.EventBytesMax, AppendBytes: firn.AppendBytesMax,
		AppendEvents: firn.AppendEventsMax, NameBytes: firn.StreamNameBytesMax,
	}
}

// Lower returns the lower of each limit, taking 0 for "not said".
func (l Limits) Lower(other Limits) Limits {
	lower := func(a, b uint64) uint64 {
		if a == 0 || b != 0 && b < a {
			return b
		}
		return a
	}
	return Limits{
		FrameBytes:   lower(l.FrameBytes, other.FrameBytes),
		EventBytes:   lower(l.EventBytes, other.EventBytes),
		AppendBytes:  lower(l.AppendBytes, other.AppendBytes),
		AppendEvents: lower(l.AppendEvents, other.AppendEvents),
		NameBytes:    lower(l.NameBytes, other.NameBytes),
	}
}

func (l *Limits) write(w *writer) {
	w.array(5)
	w.uint(l.FrameBytes)
	w.uint(l.EventBytes)
	w.uint(l.AppendBytes)
	w.uint(l.AppendEvents)
	w.uint(l.NameBytes)
}

func (l *Limits) parse(r *reader) {
	later := r.begin(5)
	l.FrameBytes, l.EventBytes, l.AppendBytes = r.uint(), r.uint(), r.uint()
	l.AppendEvents, l.NameBytes = r.uint(), r.uint()
	r.end(later)
}

// HelloBytesMax is the longest frame that a node reads before the handshake is
// over.
const HelloBytesMax = 16 << 10

// Hello begins a connection. Its frame has call 0, and comes right after Magic.
//
//	[lowest version uint, highest version uint, token str, limits, client str]
type Hello struct {
	VersionMin, VersionMax uint64
	Token                  string // "": none
	Limits                 Limits
	Client                 string // the program's name, for the node's log
}

func (*Hello) Kind() Kind { return KindHello }

func (m *Hello) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Hello) write(w *writer) {
	w.array(5)
	w.uint(m.VersionMin)
	w.uint(m.VersionMax)
	w.string(m.Token)
	m.Limits.write(w)
	w.string(m.Client)
}

func (m *Hello) parse(r *reader) {
	later := r.begin(5)
	m.VersionMin, m.VersionMax = r.uint(), r.uint()
	m.Token = r.string()
	m.Limits.parse(r)
	m.Client = r.string()
	r.end(later)
}

// Welcome is the node's answer to Hello.
//
//	[version uint, limits, node str, cluster id, history id, leader str,
//	 features array of str, release str, keepalive uint]
type Welcome struct {
	Version   uint64 // of the protocol, between those of Hello
	Limits    Limits
	Node      string // the node's id
	Cluster   [16]byte
	History   [16]byte
	Leader    string // client address of the leader, as far as the node knows; "": unknown
	Features  []string
	Release   string        // the node's software, for logs
	KeepAlive time.Duration // µs on the wire; a side that hears nothing for this long sends Ping
}

func (*Welcome) Kind() Kind { return KindWelcome }

func (m *Welcome) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Welcome) write(w *writer) {
	w.array(9)
	w.uint(m.Version)
	m.Limits.write(w)
	w.string(m.Node)
	w.id(m.Cluster)
	w.id(m.History)
	w.string(m.Leader)
	w.strings(m.Features)
	w.string(m.Release)
	w.duration(m.KeepAlive)
}

func (m *Welcome) parse(r *reader) {
	later := r.begin(9)
	m.Version = r.uint()
	m.Limits.parse(r)
	m.Node = r.string()
	m.Cluster, m.History = r.id(), r.id()
	m.Leader = r.string()
	m.Features = r.strings(256)
	m.Release = r.string()
	m.KeepAlive = r.duration()
	r.end(later)
}
