package check_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/internal/cloudevents"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server/servertest"
)

// TestKilled lets ten processes consume one group of a cluster of three, and one
// project into a database, while the leader and they are killed at random. In
// the end every event was handled, in order in its stream, and the read model is
// what a fold over the log computes.
//
// FIRN_PERMITS names a file of CloudEvents to do it with; without, events are
// made up.
func TestKilled(t *testing.T) {
	t.Parallel()
	seed := testenv.Seed(t)
	r := dice(seed, 1)
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	history := filepath.Join(t.TempDir(), "history")
	settings := firn.Group{Name: "permits", Category: "permit", MaxAttempts: 1000, Lease: 10 * time.Second, RetryMin: 10 * time.Millisecond, RetryMax: 100 * time.Millisecond}
	if _, err := db.CreateGroup(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	info, err := db.GroupInfo(t.Context(), settings.Name)
	if err != nil {
		t.Fatal(err)
	}

	w := &workers{t: t, seed: seed}
	defer w.stop()
	for range 10 {
		w.start(work{Addresses: p.Addresses, Group: settings.Name, History: history})
	}
	dsn := database(t)
	w.start(work{Addresses: p.Addresses, Project: dsn})
	events := permits(t, seed)
	appended := make(chan error, 1)
	go func() { appended <- appendAll(t.Context(), db, events) }()

	kills, leaders := 0, 0
	for done := false; !done || leaders < leadersMin; {
		for range 5 + r.IntN(10) {
			w.kill(r.IntN(len(w.all)))
			kills++
			wait(t.Context(), time.Duration(10+r.IntN(100))*time.Millisecond)
		}
		if leaders < leadersMax { // appends wait for an election each time
			leader := p.Leader(t.Context(), db)
			p.Kill(leader)
			leaders++
			wait(t.Context(), time.Duration(r.IntN(300))*time.Millisecond)
			p.Run(leader)
		}
		select {
		case err := <-appended:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		default:
		}
	}
	log := servertest.Agree(t, db, p.Nodes()...)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if _, err := db.WaitGroup(ctx, settings.Name, log[len(log)-1].Position); err != nil {
		t.Fatalf("the group does not come to the end: %v", err)
	}
	if d := projected(ctx, t, db, dsn, log[len(log)-1].Position).diff(fold(log)); d != "" {
		t.Errorf("the read model: %s", d)
	}
	w.stop()

	g := check.NewGroup(info.Group, 0)
	file, err := os.Open(history)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := g.TakeIn(file); err != nil {
		t.Fatal(err)
	}
	var parked []firn.ParkedEvent
	for e, err := range db.Parked(ctx, settings.Name) {
		if err != nil {
			t.Fatal(err)
		}
		parked = append(parked, e)
	}
	if err := g.Check(log, parked); err != nil {
		t.Error(err)
	}
	if len(parked) > 0 {
		t.Errorf("%d events are parked", len(parked))
	}
	if n := fold(log).events(); n != len(events) {
		t.Errorf("the log has %d permits, %d were appended", n, len(events))
	}
	t.Logf("%d events; %d kills of consumers, %d of leaders", len(events), kills, leaders)
}

// How often [TestKilled] kills the leader.
const leadersMin, leadersMax = 3, 20

// permit is an event to be appended.
type permit struct {
	stream string
	draft  firn.Draft
}

// permits reads the file, or makes events up of the same shape: cases of up to
// 25 events.
func permits(t *testing.T, seed uint64) (all []permit) {
	t.Helper()
	path := os.Getenv("FIRN_PERMITS")
	if path == "" {
		r := dice(seed, 2)
		for range 1000 {
			all = append(all, permit{fmt.Sprintf("permit-%d", r.IntN(170)), firn.Draft{
				ID: firn.NewID(), Type: fmt.Sprintf("T%02d", r.IntN(27)), Data: fmt.Appendf(nil, `{"task":"task-%d"}`, r.IntN(27)),
			}})
		}
		return all
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(text); lines.Scan(); {
		stream, draft, err := cloudevents.Parse(slices.Clone(lines.Bytes()))
		if err != nil {
			t.Fatalf("%s, line %d: %v", path, len(all)+1, err)
		}
		all = append(all, permit{stream, draft})
	}
	return all
}

// appendAll appends some events at a time, again until it is known that they are
// there: their ids keep them from being there twice.
func appendAll(ctx context.Context, db *client.Client, events []permit) error {
	for some := range slices.Chunk(events, 10) {
		var writes []firn.Write
		for _, e := range some {
			at := slices.IndexFunc(writes, func(w firn.Write) bool { return w.Stream == e.stream })
			if at < 0 {
				at, writes = len(writes), append(writes, firn.To(e.stream, firn.Any))
			}
			writes[at].Drafts = append(writes[at].Drafts, e.draft)
		}
		for {
			_, err := db.Append(ctx, writes...)
			if err == nil {
				break
			}
			if !passing(err) || ctx.Err() != nil {
				return err
			}
		}
		wait(ctx, 5*time.Millisecond)
	}
	return nil
}

// counts are of each stream its events, the sum of their revisions and its last
// event's type.
type counts map[string]count

type count struct {
	events, revisions int
	last              string
}

func fold(log []firn.Event) counts {
	all := counts{}
	for i := range log {
		if e := &log[i]; firn.Category(e.Stream) == "permit" {
			c := all[e.Stream]
			all[e.Stream] = count{c.events + 1, c.revisions + int(e.Revision), e.Type}
		}
	}
	return all
}

func (c counts) events() (n int) {
	for _, one := range c {
		n += one.events
	}
	return n
}

func (c counts) diff(want counts) string {
	for _, stream := range slices.Sorted(maps.Keys(want)) {
		if c[stream] != want[stream] {
			return fmt.Sprintf("of the stream %s it has %+v, want %+v", stream, c[stream], want[stream])
		}
	}
	if len(c) != len(want) {
		return fmt.Sprintf("it has %d streams, want %d", len(c), len(want))
	}
	return ""
}

// working, set in the environment of this test binary, makes it a worker.
const working = "FIRN_CHECK_WORKER"

// work is what a worker does until it is killed.
type work struct {
	Addresses      string
	Group, History string // consume, and write down what is seen
	Project        string // project into this database
	Seed           uint64
}

// workers are processes that can be killed. One goroutine uses them.
type workers struct {
	t    *testing.T
	seed uint64
	all  []*worker
}

type worker struct {
	work
	cmd *exec.Cmd
}

func (w *workers) start(do work) {
	w.t.Helper()
	w.all = append(w.all, &worker{work: do})
	w.run(w.all[len(w.all)-1])
}

func (w *workers) run(one *worker) {
	w.t.Helper()
	w.seed++
	one.Seed = w.seed
	text, err := json.Marshal(one.work)
	if err != nil {
		w.t.Fatal(err)
	}
	one.cmd = exec.Command(os.Args[0])
	one.cmd.Env, one.cmd.Stderr = append(os.Environ(), working+"="+string(text)), os.Stderr
	if err := one.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
}

// kill ends a worker with SIGKILL and starts another in its place.
func (w *workers) kill(i int) {
	w.t.Helper()
	w.all[i].cmd.Process.Kill()
	w.all[i].cmd.Wait()
	w.run(w.all[i])
}

func (w *workers) stop() {
	for _, one := range w.all {
		one.cmd.Process.Kill()
		one.cmd.Wait()
	}
	w.all = nil
}

func TestMain(m *testing.M) {
	if text := os.Getenv(working); text != "" {
		if err := doWork(text); err != nil {
			fmt.Fprintln(os.Stderr, "a worker:", err)
		}
		os.Exit(1)
	}
	servertest.Main(m)
}

// doWork does what a worker does. It returns only with an error.
func doWork(text string) error {
	var do work
	if err := json.Unmarshal([]byte(text), &do); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := client.Dial(ctx, do.Addresses, client.Options{Timeout: time.Minute})
	if err != nil {
		return err
	}
	if do.Project != "" {
		return project(ctx, db, do.Project)
	}
	file, err := os.OpenFile(do.History, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	history := check.NewGroup(firn.Group{Name: do.Group}, 0)
	history.KeepIn(file)
	r := dice(do.Seed, 3)
	tired := errors.New("not now")
	for {
		err := client.Handle(ctx, history.Watch(db), do.Group, client.HandleOptions{Parallel: 1, Batch: 4}, func(ctx context.Context, _ firn.Delivery) error {
			return handle(ctx, r, tired)
		})
		if !passing(err) {
			return err
		}
	}
}

// handle takes its time, and fails now and then.
func handle(ctx context.Context, r *rand.Rand, tired error) error {
	wait(ctx, time.Duration(r.IntN(3000))*time.Microsecond)
	if r.IntN(25) == 0 {
		return tired
	}
	return nil
}
