package tcp_test

import (
	"context"
	"errors"
	"net"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

// TestConsume: a consumer gets a stream's events in order, one at a time, and no
// more than it said; each answer has its effect.
func TestConsume(t *testing.T) {
	_, db := withGroup(t, tcp.Options{}, firn.Group{MaxAttempts: 2})
	appendTo(t, db, "a", "a", "b", "c", "d")
	c := consume(t, db, 2)
	first := deliveries(t, c, 2)
	if got := places(first); !reflect.DeepEqual(got, []string{"a/0", "b/0"}) {
		t.Fatalf("delivered at first: %v", got)
	}
	settle(t, c, firn.RetryLater, first[0])
	settle(t, c, firn.Park, first[1])
	var rest []firn.Delivery
	for range 4 {
		next := deliveries(t, c, 1)
		rest = append(rest, next...)
		outcome := firn.Ack
		if next[0].Event.Stream == "c" {
			outcome = firn.Skip
		}
		settle(t, c, outcome, next...)
	}
	var ofA []firn.Delivery
	for _, d := range rest {
		if d.Event.Stream == "a" {
			ofA = append(ofA, d)
		}
	}
	if got := places(ofA); !reflect.DeepEqual(got, []string{"a/0", "a/1"}) || ofA[0].Attempt != 2 || ofA[0].Replay {
		t.Fatalf("the event to be retried and the one behind it are %+v", ofA)
	}
	if parked, err := db.WaitFor(t.Context(), "g", 5); err != nil || parked != 1 {
		t.Errorf("waited for with %d parked (%v)", parked, err)
	}
	for p, err := range db.Parked(t.Context(), "g") {
		if err != nil || p.Stream != "b" || p.Reason != "because" || p.Attempts != 1 {
			t.Errorf("parked is %+v (%v)", p, err)
		}
	}
	if n, err := db.Replay(t.Context(), "g", firn.ParkedSelection{Stream: "b"}); err != nil || n != 1 {
		t.Errorf("%d replayed (%v)", n, err)
	}
	replayed := deliveries(t, c, 1)
	if !replayed[0].Replay || replayed[0].Event.Stream != "b" {
		t.Errorf("replayed is %+v", replayed)
	}
	settle(t, c, firn.Park, replayed...)
	if n, err := db.Drop(t.Context(), "g", firn.ParkedSelection{All: true}); err != nil || n != 1 {
		t.Errorf("%d dropped (%v)", n, err)
	}
}

// TestStaleAnswers: a token is good for one answer; the others of the same call
// count.
func TestStaleAnswers(t *testing.T) {
	_, db := withGroup(t, tcp.Options{}, firn.Group{})
	appendTo(t, db, "a", "b")
	c := consume(t, db, 0)
	two := deliveries(t, c, 2)
	settle(t, c, firn.Ack, two[0])
	err := c.Settle(t.Context(), firn.Settlement{Token: two[0].Token, Outcome: firn.Ack}, firn.Settlement{Token: two[1].Token, Outcome: firn.Ack})
	if !errors.Is(err, firn.ErrStale) || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("answered again: %v", err)
	}
	if _, err := db.WaitFor(t.Context(), "g", 2); err != nil {
		t.Error(err)
	}
	if err := c.Settle(t.Context(), firn.Settlement{Token: two[0].Token}); !errors.Is(err, firn.ErrInvalid) {
		t.Errorf("an answer without an outcome: %v", err)
	}
}

// TestGivenBack: what a consumer holds goes to another at once when it is
// closed, or its connection ends.
func TestGivenBack(t *testing.T) {
	door, db := withGroup(t, tcp.Options{}, firn.Group{Lease: time.Hour})
	appendTo(t, db, "a")
	first := consume(t, db, 0)
	held := deliveries(t, first, 1)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Settle(t.Context(), firn.Settlement{Token: held[0].Token, Outcome: firn.Ack}); !errors.Is(err, firn.ErrStale) {
		t.Errorf("settled after it was closed: %v", err)
	}
	for range first.Deliveries(t.Context()) {
		t.Fatal("a closed consumer delivers")
	}

	r := connected(t, door)
	r.send(1, &wire.Consume{Group: "g", Credit: 1 << 20})
	if m := r.receive().(*wire.Deliveries); len(m.Items) > 0 {
		t.Fatalf("the first frame has %d deliveries", len(m.Items))
	}
	if m := r.receive().(*wire.Deliveries); len(m.Items) != 1 || m.Items[0].Attempt < 2 {
		t.Fatalf("given back: %+v", m)
	}
	// Another connection knows nothing of the call, and the call ends with End.
	other := connected(t, door)
	other.send(2, &wire.Settle{Consume: 1, Answers: make([]firn.Settlement, 0)})
	if m := other.receive().(*wire.Counted); m.Count != 0 {
		t.Errorf("%d of no answers are void", m.Count)
	}
	other.send(3, &wire.Settle{Consume: 1, Answers: []firn.Settlement{{Token: firn.Token{Epoch: 1, Number: 2}, Outcome: firn.Ack}}})
	if m := other.receive().(*wire.Counted); m.Count != 1 {
		t.Errorf("an answer over another connection counts: %d are void", m.Count)
	}
	r.send(1, &wire.Plain{Is: wire.KindCancel})
	if m := r.receive(); m.Kind() != wire.KindEnd {
		t.Errorf("cancelled, the call ends with %v", m.Kind())
	}
	r.send(4, &wire.Consume{Group: "g", Credit: 1 << 20})
	r.receive()
	r.receive()
	r.nc.Close()
	if d := deliveries(t, consume(t, db, 0), 1); d[0].Attempt < 4 {
		t.Errorf("behind a connection that has ended: %+v", d)
	}
}

// TestConsumeCredit: deliveries wait for credit, and large ones come in frames
// of their own.
func TestConsumeCredit(t *testing.T) {
	door, db := withGroup(t, tcp.Options{}, firn.Group{})
	for _, stream := range []string{"a", "b"} {
		d := firn.Draft{Type: "T", Data: make([]byte, 200<<10)}
		if _, err := db.Append(t.Context(), firn.To(stream, firn.Any, d)); err != nil {
			t.Fatal(err)
		}
	}
	r := connected(t, door)
	r.send(1, &wire.Consume{Group: "g", Credit: 100})
	for i := range 2 {
		if m := r.receive().(*wire.Deliveries); len(m.Items) != i {
			t.Fatalf("frame %d has %d deliveries", i, len(m.Items))
		}
	}
	r.works() // and nothing else comes in between
	r.send(1, &wire.Credit{Bytes: 1 << 20})
	if m := r.receive().(*wire.Deliveries); len(m.Items) != 1 || m.Items[0].Stream != "b" {
		t.Fatalf("after further credit comes %+v", m)
	}
}

// TestDoorClosesOnConsumers: a door that closes does not wait for those who
// would stay for ever.
func TestDoorClosesOnConsumers(t *testing.T) {
	door, _ := withGroup(t, tcp.Options{}, firn.Group{})
	o := clientOptions()
	o.Timeout = 100 * time.Millisecond
	db := dial(t, door.Addr().String(), o)
	c := consume(t, db, 0)
	r := connected(t, door)
	r.send(1, &wire.Consume{Group: "g", Credit: 1 << 20})
	r.receive()
	r.send(2, &wire.WaitGroup{Group: "g", Position: 100})
	r.works()
	if err := door.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := r.receive(); m.Kind() != wire.KindGoodbye {
		t.Fatalf("got %v, want Goodbye", m.Kind())
	}
	for range 2 {
		if m, ok := r.receive().(*wire.Error); !ok || m.Err.Kind != firn.ErrUnavailable {
			t.Errorf("the call ends with %+v", m)
		}
	}
	for _, err := range c.Deliveries(t.Context()) {
		if !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("with nobody left: %v", err)
		}
	}
}

// TestWaitLongerThanTimeout: waiting for a group lasts as long as the caller
// lets it, not as long as a call.
func TestWaitLongerThanTimeout(t *testing.T) {
	door, db := withGroup(t, tcp.Options{}, firn.Group{})
	o := clientOptions()
	o.Timeout = 20 * time.Millisecond
	hasty := dial(t, door.Addr().String(), o)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := hasty.WaitFor(ctx, "g", 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v, not with its context", err)
	}
	waited := make(chan error, 1)
	go func() {
		_, err := hasty.WaitFor(t.Context(), "g", 1)
		waited <- err
	}()
	appendTo(t, db, "a")
	c := consume(t, db, 0)
	settle(t, c, firn.Ack, deliveries(t, c, 1)...)
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

// member is a node that answers for groups only while it leads.
type member struct {
	*tcptest.Backend
	refuse func() error
}

func (m member) GroupInfo(ctx context.Context, name string) (firn.GroupInfo, error) {
	if err := m.refuse(); err != nil {
		return firn.GroupInfo{}, err
	}
	return m.Backend.GroupInfo(ctx, name)
}

func (m member) Consume(ctx context.Context, name string, inFlight uint32) (tcp.Consumer, error) {
	if err := m.refuse(); err != nil {
		return nil, err
	}
	return m.Backend.Consume(ctx, name, inFlight)
}

// TestConsumerFollowsTheLeader: a consumer goes on at the next leader, unseen by
// its user but for answers to what it held.
func TestConsumerFollowsTheLeader(t *testing.T) {
	store := firn.Memory()
	groups := tcptest.NewMemoryGroups(store)
	var leader atomic.Int32
	var addresses []string
	var doors []*tcp.Server
	for i := range 3 {
		b := tcptest.New(store)
		b.MemoryGroups = groups
		m := member{b, func() error {
			if at := int(leader.Load()); at != i {
				return &firn.Error{Kind: firn.ErrNotLeader, Message: "another one leads", Leader: addresses[at]}
			}
			return nil
		}}
		door := tcptest.Serve(t, m, tcp.Options{})
		doors, addresses = append(doors, door), append(addresses, door.Addr().String())
	}
	db := dial(t, strings.Join(addresses, ","), clientOptions())
	if _, err := groups.CreateGroup(t.Context(), firn.NewID(), firn.Group{Name: "g", All: true, RetryMin: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	appendTo(t, db, "a", "b")
	c := consume(t, db, 0)
	held := deliveries(t, c, 2)
	settle(t, c, firn.Ack, held[1])

	leader.Store(2)
	groups.Elect()
	again := deliveries(t, c, 1)
	if again[0].Event.Stream != "a" || again[0].Attempt != 2 || again[0].Token.Epoch != held[0].Token.Epoch+1 {
		t.Errorf("at the next leader comes %+v", again)
	}
	if err := c.Settle(t.Context(), firn.Settlement{Token: held[0].Token, Outcome: firn.Ack}); !errors.Is(err, firn.ErrStale) {
		t.Errorf("an answer to the old delivery: %v", err)
	}
	settle(t, c, firn.Ack, again...)

	appendTo(t, db, "c")
	lost := deliveries(t, c, 1)
	leader.Store(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	doors[2].Close(ctx) // cut off
	if got := deliveries(t, c, 1); got[0].Event.Stream != "c" || got[0].Attempt != 2 {
		t.Errorf("after the connection was cut comes %+v, before it %+v", got, lost)
	}
}

// TestAnswersOnALostConnection: an answer whose own answer does not come says
// that it may have counted.
func TestAnswersOnALostConnection(t *testing.T) {
	t.Parallel()
	door, db := withGroup(t, tcp.Options{}, firn.Group{})
	appendTo(t, db, "a")
	var deafened atomic.Bool
	o := clientOptions()
	o.Timeout = 2 * time.Second
	o.KeepAlive = patience
	o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
		nc, err := net.Dial("tcp", address)
		return deaf{nc, &deafened}, err
	}
	c := consume(t, dial(t, door.Addr().String(), o), 0)
	d := deliveries(t, c, 1)
	deafened.Store(true)
	defer deafened.Store(false)
	err := c.Settle(t.Context(), firn.Settlement{Token: d[0].Token, Outcome: firn.Ack})
	if !errors.Is(err, firn.ErrUnknown) {
		t.Errorf("got %v, want %v", err, firn.ErrUnknown)
	}
}

// deaf is a connection whose bytes are thrown away while it is set.
type deaf struct {
	net.Conn
	is *atomic.Bool
}

func (d deaf) Read(b []byte) (int, error) {
	n, err := d.Conn.Read(b)
	for err == nil && d.is.Load() {
		n, err = d.Conn.Read(b)
	}
	return n, err
}
