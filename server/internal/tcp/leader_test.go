package tcp_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

// cluster is three doors over one store, of which one says that it leads.
type cluster struct {
	nodes  []*tcptest.Backend
	doors  []*tcp.Server
	leader atomic.Int32 // -1: none
	hints  atomic.Bool  // the others know who leads
	asked  [3]atomic.Int32
	elects atomic.Int32 // node 1 leads once this many calls were refused
}

func newCluster(t *testing.T) *cluster {
	store := firn.Memory()
	c := &cluster{}
	c.hints.Store(true)
	for i := range 3 {
		b := tcptest.New(store)
		b.Is.Node = string(rune('a' + i))
		c.nodes = append(c.nodes, b)
		refuse := func() error {
			c.asked[i].Add(1)
			leader := int(c.leader.Load())
			if leader == i {
				return nil
			}
			if c.elects.Add(-1) == 0 {
				c.leader.Store(1)
			}
			e := firn.Errorf(firn.ErrNotLeader, "%s does not lead", b.Is.Node)
			if leader >= 0 && c.hints.Load() {
				e.Leader = c.doors[leader].Addr().String()
			}
			return e
		}
		b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
			if err := refuse(); err != nil {
				return firn.Appended{}, err
			}
			return b.AppendRecords(ctx, writes)
		}
		b.OnAdmin = func(what, node, peer string) error { return refuse() }
		b.OnHead = func(ctx context.Context, how firn.Consistency) (firn.Position, time.Time, error) {
			c.asked[i].Add(1)
			return store.Head(ctx, how)
		}
	}
	for _, b := range c.nodes {
		c.doors = append(c.doors, tcptest.Serve(t, b, tcp.Options{}))
	}
	return c
}

func (c *cluster) addresses() string {
	var list []string
	for _, d := range c.doors {
		list = append(list, d.Addr().String())
	}
	return strings.Join(list, ",")
}

// TestLeader: the client finds the leader by what nodes answer, stays with it,
// and finds the next one.
func TestLeader(t *testing.T) {
	c := newCluster(t)
	c.leader.Store(2)
	db := dial(t, c.addresses(), clientOptions())
	appendOne := func() {
		t.Helper()
		if _, err := db.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"})); err != nil {
			t.Fatal(err)
		}
	}
	appendOne()
	asked := c.asked[0].Load()
	appendOne()
	if c.asked[0].Load() != asked || asked != 1 {
		t.Errorf("the first node was asked %d times, then %d: the client did not stay with the leader", asked, c.asked[0].Load())
	}
	c.leader.Store(1)
	appendOne()
	c.hints.Store(false) // nobody says who it is: the client asks one after the other
	c.leader.Store(0)
	appendOne()
	if err := db.AddNode(t.Context(), "d", "127.0.0.1:1"); err != nil {
		t.Errorf("adding a node: %v", err)
	}

	// Local reads stay with the first address.
	before := [2]int32{c.asked[0].Load(), c.asked[1].Load() + c.asked[2].Load()}
	c.leader.Store(1)
	c.hints.Store(true)
	appendOne()
	others := c.asked[1].Load() + c.asked[2].Load()
	for range 5 {
		if _, _, err := db.Head(t.Context(), firn.Consistency{Local: true}); err != nil {
			t.Fatal(err)
		}
	}
	if c.asked[0].Load() < before[0]+5 || c.asked[1].Load()+c.asked[2].Load() != others {
		t.Error("local reads did not go to the first address")
	}
}

// TestNoLeader: without a leader the caller learns, in time, that nothing was
// done; a leader that comes up in time is found.
func TestNoLeader(t *testing.T) {
	c := newCluster(t)
	c.leader.Store(-1)
	o := clientOptions()
	o.Timeout = 100 * time.Millisecond
	db := dial(t, c.addresses(), o)
	_, err := db.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"}))
	var e *firn.Error
	if !errors.As(err, &e) || e.Retry() != firn.RetrySafe {
		t.Fatalf("got %v, want an error that says nothing was done", err)
	}
	patient := dial(t, c.addresses(), clientOptions())
	c.elects.Store(7)
	if _, err := patient.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"})); err != nil {
		t.Errorf("with a leader in the end: %v", err)
	}
}

// TestNoLeaderAndNobodyElse: two of three nodes are gone, the third one knows
// no leader. Whichever was asked last, the caller reads both.
func TestNoLeaderAndNobodyElse(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.leader.Store(-1)
	o := clientOptions()
	o.Timeout, o.KeepAlive = 3*time.Second, patience
	db := dial(t, c.addresses(), o)
	for _, door := range c.doors[1:] {
		if err := door.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := db.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"}))
	var e *firn.Error
	if !errors.As(err, &e) || e.Retry() != firn.RetrySafe || !strings.Contains(e.Message, "a does not lead") {
		t.Fatalf("got %v, want also what the node that is there has said", err)
	}
}

// TestAnOpenOutcomeIsNotContradicted: one attempt may have done it, and those
// after it have done nothing. The caller reads why it is not known, and nowhere
// that nothing was done.
func TestAnOpenOutcomeIsNotContradicted(t *testing.T) {
	for name, first := range map[string]struct {
		err   error
		words string
	}{
		"leadership was lost": {firn.Errorf(firn.ErrUnknown, "the append may have been done: leadership was lost; repeat it with the same ids"), "leadership was lost"},
		"no answer came":      {nil, "did not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.leader.Store(0)
			c.nodes[0].OnAppend = func(ctx context.Context, _ []wire.Write) (firn.Appended, error) {
				c.leader.Store(-1)
				if first.err == nil {
					<-ctx.Done()
				}
				return firn.Appended{}, first.err
			}
			for _, b := range c.nodes[1:] {
				b.OnAppend = func(context.Context, []wire.Write) (firn.Appended, error) {
					return firn.Appended{}, firn.Errorf(firn.ErrUnavailable, "there is no leader at present; nothing was done, try again")
				}
			}
			o := clientOptions()
			o.Timeout = 3 * time.Second
			db := dial(t, c.addresses(), o)
			_, err := db.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T", ID: firn.NewID()}))
			var e *firn.Error
			if !errors.As(err, &e) || e.Kind != firn.ErrUnknown || len(e.IDs) != 1 || e.Stream != "s" {
				t.Fatalf("got %+v, want %v with the id", err, firn.ErrUnknown)
			}
			if !strings.Contains(e.Message, first.words) || !strings.Contains(e.Message, "with the same ids") || strings.Contains(e.Message, "nothing was done") {
				t.Errorf("it says: %s", e.Message)
			}
		})
	}
}

// TestLeaderStops: the leader's door closes; the client goes on with the next
// leader, and nothing is written twice.
func TestLeaderStops(t *testing.T) {
	c := newCluster(t)
	db := dial(t, c.addresses(), clientOptions())
	for i := range 60 {
		if i == 20 || i == 40 {
			leader := c.leader.Load()
			if err := c.doors[leader].Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.leader.Store(leader + 1)
		}
		if _, err := db.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"})); err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
	}
	info, err := db.Stream(t.Context(), "s", firn.Point{})
	if err != nil || info.Events != 60 {
		t.Errorf("the stream holds %d events (%v), want 60", info.Events, err)
	}
}

// TestFrozenNode: a node whose connection is open but dead is given up, and the
// others are asked.
func TestFrozenNode(t *testing.T) {
	frozen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	var hung atomic.Int32
	go func() {
		for {
			nc, err := frozen.Accept()
			if err != nil {
				return
			}
			hung.Add(1)
			welcome := &wire.Welcome{Version: 1, Limits: wire.DefaultLimits(), Leader: frozen.Addr().String()}
			nc.Write(wire.AppendFrame(nil, 0, welcome))
			defer nc.Close()
		}
	}()
	door := memoryDoor(t, tcp.Options{})
	o := clientOptions()
	o.KeepAlive = 20 * time.Millisecond
	db := dial(t, frozen.Addr().String()+","+door.Addr().String(), o)
	if _, err := db.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"})); err != nil {
		t.Fatal(err)
	}
	if hung.Load() == 0 {
		t.Error("the frozen node was never asked")
	}
}

// TestALeaderThatLetsNobodyIn: the node that others still name as the leader
// takes connections and says nothing. A call does not wait for it as long as a
// connection may take.
func TestALeaderThatLetsNobodyIn(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := newCluster(t)
	c.leader.Store(1)
	for _, i := range []int{0, 2} {
		c.nodes[i].OnAppend = func(context.Context, []wire.Write) (firn.Appended, error) {
			e := firn.Errorf(firn.ErrNotLeader, "another node leads")
			e.Leader = silent.Addr().String()
			return firn.Appended{}, e
		}
	}
	o := clientOptions()
	o.DialTimeout = 2 * o.Timeout
	db := dial(t, c.addresses(), o)
	if _, err := db.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"})); err != nil {
		t.Fatal(err)
	}
}

// TestDial: the error lists the reason of each address.
func TestDial(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	go func() {
		for {
			nc, err := stranger.Accept()
			if err != nil {
				return
			}
			nc.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			defer nc.Close()
		}
	}()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	o := client.Options{DialTimeout: time.Second}
	list := []string{closed.Addr().String(), stranger.Addr().String(), silent.Addr().String()}
	_, err = client.Dial(t.Context(), strings.Join(list, ","), o)
	if !errors.Is(err, firn.ErrUnavailable) {
		t.Fatalf("got %v, want %v", err, firn.ErrUnavailable)
	}
	for _, part := range append(list, "refused", "right port", "no answer") {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	for _, wrong := range []string{"", " , ", "localhost", "a:1,b"} {
		if _, err := client.Dial(t.Context(), wrong, o); !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("%q: got %v, want %v", wrong, err, firn.ErrInvalid)
		}
	}
	door := memoryDoor(t, tcp.Options{})
	db := dial(t, strings.Join(append(list, door.Addr().String()), ", "), o)
	nodes := db.Connected()
	if len(nodes) != 1 || nodes[0].ID != "n1" || nodes[0].Address != door.Addr().String() {
		t.Errorf("connected to %+v", nodes)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := db.Head(t.Context(), firn.Consistency{}); !errors.Is(err, firn.ErrUnavailable) {
		t.Errorf("after Close: %v", err)
	}
}

// TestDialStrangers: what is no answer of Firn's to the handshake is taken for
// another protocol's, also where it could be the beginning of a frame.
func TestDialStrangers(t *testing.T) {
	for name, answer := range map[string][]byte{
		"another version":       []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"too short a length":    {0, 0, 0, 1, wire.FrameVersion, byte(wire.KindWelcome), 0, 0, 0, 0, 0, 0, 0, 0},
		"a frame of 4 GiB":      {0xff, 0xff, 0xff, 0xff, wire.FrameVersion, byte(wire.KindWelcome), 0, 0, 0, 0, 0, 0, 0, 0},
		"an unknown kind":       {0, 0, 0, 10, wire.FrameVersion, 231, 0, 0, 0, 0, 0, 0, 0, 0},
		"a kind of its own":     {0, 0, 0, 10, wire.FrameVersion, byte(wire.KindPing), 0, 0, 0, 0, 0, 0, 0, 0},
		"unknown, and of 4 GiB": {0xff, 0xff, 0xff, 0xff, wire.FrameVersion, 231, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := client.Options{Dial: func(context.Context, string) (net.Conn, error) {
				near, far := net.Pipe()
				go func() {
					hello := make([]byte, 1024)
					far.Read(hello)
					far.Write(answer)
				}()
				return near, nil
			}}
			_, err := client.Dial(t.Context(), "stranger:1", o)
			if !errors.Is(err, firn.ErrUnsupported) || !strings.Contains(err.Error(), "right port") {
				t.Errorf("got %v", err)
			}
		})
	}
}
