package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/replication/peer/peertest"
	"github.com/firndb/firn/server"
)

// cluster is a run: nodes, their network, and who uses and hurts them.
type cluster struct {
	o           Options
	seed        uint64
	net         *peertest.Sim
	bootstrap   []server.Member
	heartbeat   time.Duration
	raftLog     server.RaftLog
	layerEvents int
	beat        time.Duration // of clients

	trace    trace
	history  check.History
	over     context.Context // ends when the run does
	end      context.CancelFunc
	enough   atomic.Bool    // no further call is to begin
	changing atomic.Bool    // members are being added or removed
	closing  sync.WaitGroup // lives that are ending, and beginning

	subscribers []*subscriber
	following   sync.WaitGroup

	operator *client.Client // speaks TCP with the nodes, for what stores do not offer

	mu      sync.Mutex
	report  Report
	seats   []*seat // replaced, never changed: see nodes
	faults  []error
	minutes []minute

	joined  int  // how many nodes have joined
	settled bool // in the end
}

// newCluster makes the nodes of a run, which the seed shapes.
func newCluster(seed uint64, o Options) *cluster {
	random := rand.New(rand.NewPCG(seed, 0))
	o = o.withDefaults(random)
	c := &cluster{o: o, seed: seed, net: peertest.NewSim()}
	c.trace.out, c.trace.began = o.Trace, time.Now()
	c.over, c.end = context.WithCancel(context.Background())
	c.report = Report{Seed: seed, Nodes: o.Nodes, Struck: map[Kind]int{}, Reads: map[string]int{}}
	// Small, so that logs are shortened, images sent and layers sealed.
	c.heartbeat = []time.Duration{300, 500, 1000, 1000}[random.IntN(4)] * time.Millisecond
	c.o.TCP = c.o.TCP || random.IntN(8) == 0
	c.raftLog = server.RaftLog{SnapshotBytes: 64 << (10 + random.IntN(6)), TrailingBytes: 32 << (10 + random.IntN(7))}
	c.layerEvents = []int{50, 500, 5000, 0}[random.IntN(4)]
	c.beat = []time.Duration{10, 50, 100, 200}[random.IntN(4)] * time.Millisecond
	for i := range o.Nodes {
		s := c.add(fmt.Sprint("n", i+1))
		s.first = true
		c.bootstrap = append(c.bootstrap, server.Member{ID: s.id, Peer: s.id + ":7410"})
	}
	for _, a := range c.nodes() {
		for _, b := range c.nodes() {
			c.net.Delay(a.id, b.id, time.Duration(100+random.IntN(1500))*time.Microsecond)
		}
	}
	c.trace.add("seed %d: %d nodes, heartbeat %v, log %+v, layers of %d, clients over TCP: %t, %v", seed, o.Nodes, c.heartbeat, c.raftLog, c.layerEvents, c.o.TCP, o.Faults)
	return c
}

func (c *cluster) add(id string) *seat {
	s := &seat{c: c, id: id, turn: make(chan struct{}, 1), disk: newDisk()}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seats = append(slices.Clone(c.seats), s)
	return s
}

// nodes returns the nodes that are there now.
func (c *cluster) nodes() []*seat {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seats
}

// drop takes a node out that is no member any more.
func (c *cluster) drop(s *seat) {
	c.mu.Lock()
	c.seats = slices.DeleteFunc(slices.Clone(c.seats), func(o *seat) bool { return o == s })
	c.mu.Unlock()
	s.stop()
}

// start starts all nodes, and returns when all answer.
func (c *cluster) start() error {
	for _, s := range c.nodes() {
		if err := s.start(); err != nil {
			return err
		}
	}
	if err := c.await(); err != nil {
		return err
	}
	var err error
	c.operator, err = c.dial("operator")
	return err
}

// dial returns a client of all nodes that speaks TCP, from a host of its own.
func (c *cluster) dial(host string) (*client.Client, error) {
	var addresses []string
	for _, s := range c.nodes() {
		addresses = append(addresses, s.address())
	}
	return client.Dial(c.over, strings.Join(addresses, ","), client.Options{
		Dial: c.net.Host(host).Dial, Timeout: 5 * time.Second, DialTimeout: time.Second, KeepAlive: 500 * time.Millisecond,
	})
}

// await returns when all nodes answer linearizably.
func (c *cluster) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), recovery)
	defer cancel()
	for _, s := range c.nodes() {
		for {
			try, done := context.WithTimeout(ctx, 5*time.Second)
			err := s.call(try, func(ctx context.Context, db server.Store) error {
				_, _, err := db.Head(ctx, firn.Consistency{})
				return err
			})
			done()
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return fmt.Errorf("%s does not answer %v after everything was mended: %w", s.id, recovery, err)
			}
			c.wait(50 * time.Millisecond)
		}
	}
	return nil
}

// recovery is how long a cluster may take, once nothing hurts it any more, until
// all of its nodes answer.
const recovery = 2 * time.Minute

// wait waits, or until the run is over.
func (c *cluster) wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.over.Done():
	}
}

// fault writes down that something must not have happened.
func (c *cluster) fault(name, text string, args ...any) {
	f := &check.Fault{Check: name, Text: fmt.Sprintf(text, args...)}
	c.trace.add("FAULT: %v", f)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, f)
}

// faultOf writes down what a check has found.
func (c *cluster) faultOf(err error) {
	c.trace.add("FAULT: %v", err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, err)
}

// struck counts a fault that has truly struck.
func (c *cluster) struck(k Kind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Struck[k]++
	c.minute().struck++
}

// called counts a call.
func (c *cluster) called() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Calls++
	c.minute().calls++
}

// minute is what has happened in a minute of the run.
type minute struct{ calls, struck int }

// minute returns the present one. The caller holds mu.
func (c *cluster) minute() *minute {
	now := int(time.Since(c.trace.began) / time.Minute)
	for len(c.minutes) <= now {
		c.minutes = append(c.minutes, minute{})
	}
	return &c.minutes[now]
}

// counted returns how much of the run counts: minutes with at least one call a
// second in which at least one fault has struck.
func (c *cluster) counted(ran time.Duration) (all time.Duration) {
	for _, m := range c.minutes {
		length := min(ran, time.Minute)
		ran -= length
		if float64(m.calls) >= length.Seconds() && m.struck > 0 {
			all += length
		}
	}
	return all
}

// count changes the report.
func (c *cluster) count(change func(*Report)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.report)
}

// stop ends all lives.
func (c *cluster) stop() {
	c.end()
	if c.operator != nil {
		c.operator.Close()
	}
	var all sync.WaitGroup
	for _, s := range c.nodes() {
		s.unharm()
		all.Go(s.stop)
	}
	all.Wait()
	c.closing.Wait()
}
