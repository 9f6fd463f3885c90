package group_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/group"
	"github.com/firndb/firn/internal/testenv"
)

// drive does random things to a group: consumers come and go, answer, answer
// late or not at all, answers get lost on their way, leaders and machines are
// lost, somebody replays and drops. It tells a ledger what happened.
type drive struct {
	*world
	rng       *rand.Rand
	ledger    *ledger
	consumers []*driven
	late      []group.Delivery // void ones

	anyToken bool // planted: a late answer is taken for one to the delivery that is out now

	mu      sync.Mutex
	unknown []*command.Settle // steps of which nobody knows what became
}

type driven struct {
	*group.Consumer
	holds  []held
	unsure bool // it may hold something else, too
}

type held struct {
	group.Delivery
	from, until time.Time // its lease ends somewhere in between
}

const driveSteps = 600

func runDrive(t *testing.T, seed uint64, g firn.Group, plant func(*drive)) *ledger {
	rng := rand.New(rand.NewPCG(seed, 1))
	d := &drive{rng: rng, world: newWorld(t, g)}
	d.ledger = newLedger(&d.world.group)
	if plant != nil {
		plant(d)
	}
	for range driveSteps {
		d.step()
		if len(d.ledger.faults) > 0 {
			return d.ledger
		}
	}
	d.finish()
	return d.ledger
}

func (d *drive) step() {
	switch n := d.rng.IntN(100); {
	case n < 15:
		stream, count := fmt.Sprint("s-", d.rng.IntN(6)), 1+d.rng.IntN(4)
		head, _ := d.s.Engine().Head()
		d.append(stream, count)
		d.ledger.appended(stream, head+1, count)
	case n < 20 && len(d.consumers) < 4:
		d.consumers = append(d.consumers, &driven{Consumer: d.join(uint32(d.rng.IntN(6)))})
	case n < 50:
		d.take()
	case n < 85:
		d.settleSome()
	case n < 89:
		time.Sleep(time.Duration(d.rng.IntN(4000)) * time.Millisecond)
		d.expire()
	case n < 92:
		d.leave()
	case n < 95:
		d.unpark()
	case n < 97:
		d.answerLate()
	default:
		d.loseLeader()
	}
}

func (d *drive) someone() *driven {
	if len(d.consumers) == 0 {
		return nil
	}
	return d.consumers[d.rng.IntN(len(d.consumers))]
}

func (d *drive) take() {
	u := d.someone()
	if u == nil {
		return
	}
	now := time.Now()
	got := d.next(u.Consumer, 1+d.rng.IntN(4))
	began := d.beganAgain()
	for i := range got {
		d.ledger.delivered(&got[i])
		if began { // perhaps after it was delivered
			e := d.ledger.events[got[i].Position]
			e.out, e.maybe, u.unsure = false, true, true
			continue
		}
		u.holds = append(u.holds, held{got[i], now.Add(d.world.group.Lease), time.Now().Add(d.world.group.Lease)})
	}
	d.expire()
}

// beganAgain reports whether the coordinator has begun again since it was asked
// last, because a step's fate was not known: then what is out is void, and what
// the step said may be so or not.
func (d *drive) beganAgain() bool {
	synctest.Wait()
	d.mu.Lock()
	steps := d.unknown
	d.unknown = nil
	d.mu.Unlock()
	for _, step := range steps {
		d.ledger.tell("unknown step %+v", step)
		for _, a := range step.Added {
			if e := d.ledger.events[a.Position]; e != nil && !e.settled {
				e.maybe = true
			}
		}
	}
	if len(steps) > 0 {
		d.voided()
	}
	return len(steps) > 0
}

// expire tells the ledger of leases that have ended.
func (d *drive) expire() {
	d.beganAgain()
	for until := d.endsSoon(); !until.IsZero(); until = d.endsSoon() {
		time.Sleep(time.Until(until))
		d.beganAgain()
	}
	for _, u := range d.consumers {
		rest := u.holds[:0]
		for _, h := range u.holds {
			if time.Now().Before(h.until) {
				rest = append(rest, h)
				continue
			}
			d.ledger.failed(h.Position)
			d.late = append(d.late, h.Delivery)
		}
		u.holds = rest
	}
}

// endsSoon returns when a lease will have ended that may have already; zero
// where there is none.
func (d *drive) endsSoon() time.Time {
	for _, u := range d.consumers {
		for _, h := range u.holds {
			if now := time.Now(); !now.Before(h.from) && now.Before(h.until) {
				return h.until
			}
		}
	}
	return time.Time{}
}

func (d *drive) settleSome() {
	d.expire()
	u := d.someone()
	if u == nil || len(u.holds) == 0 {
		return
	}
	var answers []firn.Settlement
	var of []held
	for n := 1 + d.rng.IntN(len(u.holds)); n > 0; n-- {
		i := d.rng.IntN(len(u.holds))
		h := u.holds[i]
		u.holds = append(u.holds[:i], u.holds[i+1:]...)
		a := firn.Settlement{Token: h.Token, Outcome: firn.Ack, Reason: "because"}
		switch n := d.rng.IntN(20); {
		case n < 5:
			a.Outcome = firn.RetryLater
		case n < 6:
			a.Outcome = firn.Park
		case n < 8:
			a.Outcome = firn.Skip
		}
		answers, of = append(answers, a), append(of, h)
	}
	void, err := u.Settle(d.t.Context(), answers)
	for i, h := range of {
		d.ledger.answered(h.Position, answers[i].Outcome, err == nil && void == 0)
	}
	if !d.beganAgain() && (err != nil || void > 0) {
		d.ledger.fault("of %d answers in time %d were void, %v", len(answers), void, err)
	}
}

// voided is called when a step has failed: the coordinator begins again, and
// what is out is void.
func (d *drive) voided() {
	d.ledger.lost()
	for _, u := range d.consumers {
		for _, h := range u.holds {
			d.late = append(d.late, h.Delivery)
			if !time.Now().Before(h.from) {
				d.ledger.events[h.Position].maybe = true // that may have counted before
			}
		}
		u.holds = nil
	}
}

// leave makes a consumer go. What it held for longest is charged.
func (d *drive) leave() {
	d.beganAgain()
	if len(d.consumers) == 0 {
		return
	}
	i := d.rng.IntN(len(d.consumers))
	u := d.consumers[i]
	d.consumers = append(d.consumers[:i], d.consumers[i+1:]...)
	u.Close()
	oldest := 0
	for j, h := range u.holds {
		if h.Token.Number < u.holds[oldest].Token.Number {
			oldest = j
		}
		d.ledger.events[h.Position].out = false
		d.late = append(d.late, h.Delivery)
	}
	if u.unsure {
		for _, h := range u.holds {
			d.ledger.events[h.Position].maybe = true
		}
	} else if len(u.holds) > 0 {
		d.ledger.failed(u.holds[oldest].Position)
	}
	synctest.Wait()
}

// answerLate answers deliveries that are void.
func (d *drive) answerLate() {
	u := d.someone()
	if u == nil || len(d.late) == 0 {
		return
	}
	late := d.late[d.rng.IntN(len(d.late))]
	token := late.Token
	if d.anyToken {
		for _, other := range d.consumers {
			for _, h := range other.holds {
				if i := slices.IndexFunc(d.late, func(late group.Delivery) bool { return late.Position == h.Position }); i >= 0 {
					u, late, token = other, d.late[i], h.Token
				}
			}
		}
	}
	void, err := u.Settle(d.t.Context(), []firn.Settlement{{Token: token, Outcome: firn.Ack}})
	if err == nil && void != 1 {
		d.ledger.fault("a late answer to a delivery of @%d counted", late.Position)
	}
}

func (d *drive) parked() (at []firn.Position) {
	err := group.EachParked(d.s.Engine(), d.name(), func(a *command.Aside) bool {
		at = append(at, a.Position)
		return true
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return at
}

func (d *drive) name() string { return d.world.group.Name }

func (d *drive) unpark() {
	d.expire()
	at := d.parked()
	d.ledger.listed(at)
	if len(at) == 0 {
		return
	}
	which := firn.ParkedSelection{All: true}
	if d.rng.IntN(2) == 0 {
		at = at[:1]
		r, err := d.s.Engine().RecordAt(at[0])
		if err != nil {
			d.t.Fatal(err)
		}
		which = firn.ParkedSelection{ID: eventOf(d.t, r).ID}
	}
	do, drop := d.c.Replay, d.rng.IntN(2) == 0
	if drop {
		do = d.c.Drop
	}
	n, err := do(d.t.Context(), which)
	if err != nil {
		d.beganAgain()
		for _, p := range at {
			d.ledger.events[p].maybe = true
		}
		return
	}
	if n != uint64(len(at)) {
		d.ledger.fault("%d were unparked, not %d", n, len(at))
	}
	for _, p := range at {
		d.ledger.unparked(p, drop)
	}
}

func (d *drive) loseLeader() {
	d.expire()
	d.depose()
	d.voided()
	d.consumers = nil
	if d.rng.IntN(2) == 0 {
		d.s.Crash(d.rng.IntN(101))
	}
	d.lead()
}

// finish heals everything and has the group do all that is left.
func (d *drive) finish() {
	d.fault = nil
	d.loseLeader()
	u := d.join(0)
	for idle := 0; idle < 3; {
		got := d.next(u, 100)
		if len(got) == 0 {
			idle++
			time.Sleep(d.world.group.RetryMax)
			continue
		}
		idle = 0
		for i := range got {
			d.ledger.delivered(&got[i])
			void, err := u.Settle(d.t.Context(), []firn.Settlement{{Token: got[i].Token, Outcome: firn.Ack}})
			if void > 0 || err != nil {
				d.t.Fatal(void, err)
			}
			d.ledger.answered(got[i].Position, firn.Ack, true)
		}
		if len(d.ledger.faults) > 0 {
			return
		}
	}
	d.ledger.listed(d.parked())
	d.ledger.finished()
	head, _ := d.s.Engine().Head()
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	if parked, err := d.c.Wait(ctx, head); err != nil || parked != uint64(len(d.parked())) {
		d.ledger.fault("the group has not passed the head, %d, though nothing is left: %d parked, %v", head, parked, err)
	}
}

// drivenGroup has few attempts and short times, so that all of them end.
var drivenGroup = firn.Group{
	Name: "g", Category: "s", MaxAttempts: 3, Lease: 3 * time.Second, RetryMin: time.Second, RetryMax: 4 * time.Second,
}

func eachKind(do func(name string, g firn.Group)) {
	base := drivenGroup
	do("ordered", base)
	continues := base
	continues.OnPark = firn.ParkContinues
	do("on-park-continue", continues)
	unordered := base
	unordered.Unordered = true
	do("unordered", unordered)
}

// lossy loses some steps, and of others the answers.
func lossy(d *drive) {
	rng := rand.New(rand.NewPCG(d.rng.Uint64(), 2)) // steps are proposed beside what the test does
	d.fault = func(s *command.Settle) (f stepFault) {
		if rng.IntN(25) == 0 {
			f.unknown, f.lost = true, rng.IntN(2) == 0
			d.mu.Lock()
			d.unknown = append(d.unknown, s)
			d.mu.Unlock()
		}
		return f
	}
}

func TestRandom(t *testing.T) {
	seed := testenv.Seed(t)
	eachKind(func(name string, g firn.Group) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := runDrive(t, seed, g, lossy)
				for _, fault := range l.faults {
					t.Error(fault)
				}
				if t.Failed() {
					t.Log("what happened:\n" + strings.Join(l.story, "\n"))
				}
			})
		})
	})
}
