package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/server"
)

// group is some clients that work on the same few streams. After so many calls
// they begin anew with other streams: that was one history.
type group struct {
	c      *cluster
	number int
	random *rand.Rand

	round int
	calls atomic.Int64 // of the round
}

// streamsPerHistory is how many streams a history is about.
const streamsPerHistory = 5

func (g *group) run() {
	for ; !g.c.enough.Load(); g.round++ {
		g.calls.Store(0)
		var clients sync.WaitGroup
		var busy atomic.Int64
		for i := range g.c.o.Clients {
			u := &user{
				g: g, number: g.number*g.c.o.Clients + i, random: rand.New(rand.NewPCG(g.random.Uint64(), 0)),
				last: make(map[string]firn.Expectation), at: g.random.IntN(8),
			}
			clients.Go(func() {
				if u.run() > 0 {
					busy.Add(1)
				}
			})
		}
		clients.Wait()
		if g.calls.Load() >= 200 && busy.Load() >= 5 {
			g.c.count(func(r *Report) { r.Histories++ })
		}
	}
}

func (g *group) category() string { return fmt.Sprintf("g%dr%d", g.number, g.round) }

// user is one client. Its goroutine alone uses it.
type user struct {
	g      *group
	number int
	random *rand.Rand

	at    int                         // the node that it believes to lead
	last  map[string]firn.Expectation // what it believes of the streams
	seen  firn.Position               // the newest position that it was told
	made  []*check.Op                 // appends that were acknowledged
	calls int

	client *client.Client // nil: it calls nodes' own stores
}

func (u *user) run() int {
	c := u.g.c
	if c.o.TCP {
		for {
			var err error
			if u.client, err = c.dial(fmt.Sprint("client", u.number)); err == nil {
				break
			}
			if c.over.Err() != nil || c.enough.Load() {
				return 0
			}
			c.wait(100 * time.Millisecond) // all nodes are down
		}
		defer u.client.Close()
	}
	for !c.enough.Load() && u.g.calls.Add(1) <= int64(c.o.Ops) {
		u.calls++
		c.called()
		u.next()
		u.think()
	}
	return u.calls
}

// think waits, mostly for the next beat: so many call at once, and the store
// has to order them.
func (u *user) think() {
	c := u.g.c
	d := time.Duration(u.random.Int64N(2 * int64(c.o.Think)))
	if u.random.IntN(10) > 0 {
		passed := time.Since(c.trace.began)
		d = (passed + d).Truncate(c.beat) + c.beat - passed
	}
	c.wait(d)
}

func (u *user) next() {
	switch n := u.random.IntN(100); {
	case n < 45:
		u.append(u.write(u.stream()))
	case n < 55:
		u.appendSeveral()
	case n < 60:
		u.change()
	case n < 85:
		u.read(firn.Query{Stream: u.stream()})
	case n < 90:
		u.read(firn.Query{Category: u.g.category()})
	case n < 95:
		u.head()
	default:
		u.repeat()
	}
}

func (u *user) stream() string {
	return fmt.Sprintf("%s-%d", u.g.category(), u.random.IntN(streamsPerHistory))
}

// write makes up one stream's part of an append.
func (u *user) write(stream string) firn.Write {
	expect, known := u.last[stream]
	if !known {
		expect = firn.None
	}
	switch u.random.IntN(10) {
	case 0, 1, 2:
		expect = firn.Any
	case 3:
		expect = []firn.Expectation{firn.None, firn.Exists}[u.random.IntN(2)]
	}
	return firn.To(stream, expect, u.drafts(1+u.random.IntN(3)/2)...)
}

func (u *user) drafts(n int) []firn.Draft {
	drafts := make([]firn.Draft, n)
	for i := range drafts {
		size := 10 + u.random.IntN(100)
		if u.random.IntN(200) == 0 {
			size = u.random.IntN(100 << 10)
		}
		drafts[i] = firn.Draft{ID: firn.NewID(), Type: "T", Data: fmt.Appendf(nil, `{"of":%d,"text":"%0*d"}`, u.number, size, u.calls)}
	}
	return drafts
}

// appendSeveral appends to several streams in one step, and at times makes
// another one a condition.
func (u *user) appendSeveral() {
	var writes []firn.Write
	for _, i := range u.random.Perm(streamsPerHistory)[:2+u.random.IntN(2)] {
		w := u.write(fmt.Sprintf("%s-%d", u.g.category(), i))
		if len(writes) > 0 && u.random.IntN(4) == 0 {
			w.Drafts = nil
		}
		writes = append(writes, w)
	}
	u.append(writes...)
}

// append appends, at whichever node leads, and repeats what may have been done
// until it is known.
func (u *user) append(writes ...firn.Write) {
	op := u.g.c.history.Append(u.number, writes)
	told, err := u.settle(writes)
	if op.Appended(told, err) == check.Done {
		u.made = append(u.made, op)
		for _, w := range told.Writes {
			u.last[w.Stream] = firn.At(w.LastRevision)
		}
		u.seen = max(u.seen, told.Position)
		u.dated(&told)
	}
	u.learn(err)
}

// dated looks at the time of what was appended: no clock of a node that may
// append is further off than this, and time does not run ahead.
func (u *user) dated(told *firn.Appended) {
	const most = 6 * time.Second // what keeps a node from appending, and the second in which it finds out
	if ahead := time.Until(told.Time); ahead > most {
		u.g.c.fault(Dated, "position %d carries the time %v, which is %v ahead", told.Position, told.Time, ahead)
	}
}

// learn learns how a stream stands from a refusal.
func (u *user) learn(err error) {
	var conflict *firn.ConflictError
	if errors.As(err, &conflict) {
		u.last[conflict.Stream] = conflict.Actual
	}
}

// settle makes attempts until it is known whether the append was done. Where
// nothing was done, it tries some other nodes, and then gives up.
func (u *user) settle(writes []firn.Write) (told firn.Appended, err error) {
	c := u.g.c
	maybe := false // an attempt may have been done
	for try := 0; ; try++ {
		now, failure := u.attempt(u.seat(), u.patience(), writes)
		settled := check.Settles(failure)
		if try == 0 || settled || check.OutcomeOf(failure) == check.Unknown {
			told, err = now, failure
		}
		if settled {
			if maybe && failure == nil && now.Repeated {
				c.count(func(r *Report) { r.Repeated++ })
			}
			return told, err
		}
		if check.OutcomeOf(failure) == check.Unknown {
			if errors.Is(failure, firn.ErrUnknown) && !errors.Is(failure, errGone) {
				c.count(func(r *Report) { r.Ambiguous++ })
			}
			maybe = true
		}
		if c.over.Err() != nil || !maybe && try >= 6 {
			return told, err
		}
		u.elsewhere(failure)
		c.wait(time.Duration(5+u.random.IntN(200)) * time.Millisecond)
	}
}

// patience is how long an attempt may take. Some clients have none.
func (u *user) patience() time.Duration {
	if u.random.IntN(25) == 0 {
		return time.Duration(u.random.IntN(6000)) * time.Microsecond
	}
	return 3 * time.Second
}

// seat is the node that is believed to lead, anyone any node.
func (u *user) seat() *seat {
	seats := u.g.c.nodes()
	return seats[u.at%len(seats)]
}

func (u *user) anyone() *seat {
	seats := u.g.c.nodes()
	return seats[u.random.IntN(len(seats))]
}

// elsewhere chooses the node for the next attempt.
func (u *user) elsewhere(err error) {
	var e *firn.Error
	if errors.As(err, &e) && e.Leader != "" {
		for i, s := range u.g.c.nodes() {
			if s.address() == e.Leader {
				u.at = i
				return
			}
		}
	}
	u.at = u.random.IntN(8)
}

// on makes a call at a node, or through the network, where the client chooses
// the node.
func (u *user) on(ctx context.Context, s *seat, do func(context.Context, firn.Store) error) error {
	if u.client == nil {
		return s.call(ctx, func(ctx context.Context, db server.Store) error { return do(ctx, db) })
	}
	return tooLong(do(ctx, u.client))
}

func (u *user) attempt(s *seat, patience time.Duration, writes []firn.Write) (told firn.Appended, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = u.on(ctx, s, func(ctx context.Context, db firn.Store) (err error) {
		told, err = db.Append(ctx, writes...)
		return err
	})
	return told, err
}

// repeat repeats an append that was acknowledged, at any node: it must get the
// same answer, as often as it likes.
func (u *user) repeat() {
	if len(u.made) == 0 {
		u.head()
		return
	}
	op := u.made[u.random.IntN(len(u.made))]
	told, err := u.attempt(u.seat(), 3*time.Second, op.Asked.(*check.Append).Writes)
	if err := check.SameAnswer(op, told, err); err != nil {
		u.g.c.faultOf(err)
	}
}

// change changes a stream's life.
func (u *user) change() {
	stream := u.stream()
	expect, known := u.last[stream]
	if !known || u.random.IntN(2) == 0 {
		expect = firn.Any
	}
	var life firn.Life
	switch n := u.random.IntN(20); {
	case n < 8:
		life = firn.Delete{}
	case n < 14:
		last, _ := expect.Exact()
		life = firn.Truncate{Before: firn.Revision(u.random.Uint64N(uint64(last) + 2))}
	case n < 19:
		life = firn.Metadata{Data: fmt.Appendf(nil, `{"n":%d}`, u.calls)}
	default:
		life = firn.Tombstone{}
	}
	op := u.g.c.history.Change(u.number, stream, expect, life)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var at firn.Position
	err := u.on(ctx, u.seat(), func(ctx context.Context, db firn.Store) (err error) {
		at, err = db.Change(ctx, stream, expect, life)
		return err
	})
	op.Changed(at, err)
	if err == nil {
		u.seen = max(u.seen, at)
	} else {
		u.learn(err)
		u.elsewhere(err)
	}
}
