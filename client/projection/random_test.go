package projection_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client/projection"
)

var seed = flag.Uint64("seed", 0, "of the random tests; 0: drawn")

func draw(t *testing.T) uint64 {
	drawn := *seed
	if drawn == 0 {
		drawn = uint64(time.Now().UnixNano())
	}
	t.Logf("to repeat: go test ./client/projection -run %s -seed %d", t.Name(), drawn)
	return drawn
}

// Random appends, among runs that are stopped at any time, handlers that fail
// and subscriptions that break off, end in what a fold of the store gives.
func TestRandom(t *testing.T) {
	drawn := draw(t)
	dice := rand.New(rand.NewPCG(drawn, 1))
	queries := []firn.Query{
		{All: true}, {Category: "order"}, {All: true, Types: []string{"A", "C"}}, {All: true, StreamPrefixes: []string{"order-1", "cart-"}},
		{Category: "order", Types: []string{"B"}}, {Stream: "order-1"},
	}
	for round, q := range queries {
		s := &source{Store: firn.Memory(), history: firn.NewID(), breaks: rand.New(rand.NewPCG(drawn, uint64(round)))}
		fails := rand.New(rand.NewPCG(drawn, 100+uint64(round)))
		db := connect(t, database(t))
		p := counting(q)
		count := p.Otherwise
		p.Otherwise = func(ctx context.Context, tx *projection.Tx, e firn.Event, info projection.Info) error {
			if err := count(ctx, tx, e, info); err != nil {
				return err
			}
			if info.Attempt < 3 && fails.IntN(30) == 0 {
				return errors.New("a failure")
			}
			return nil
		}
		options := quick
		options.BatchEvents, options.BatchTime = 1+dice.IntN(20), time.Duration(1+dice.IntN(1000))*time.Microsecond
		add(t, s, "A", "order-1")
		for range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			r := runner(t, db, s, p, options)
			go func() { ended <- r.Run(ctx) }()
			for range 1 + dice.IntN(10) {
				var streams []string
				for range 1 + dice.IntN(10) {
					streams = append(streams, fmt.Sprintf("%s-%d", []string{"order", "cart"}[dice.IntN(2)], dice.IntN(13)))
				}
				add(t, s, []string{"A", "B", "C"}[dice.IntN(3)], streams...)
			}
			time.Sleep(time.Duration(dice.IntN(5)) * time.Millisecond)
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Fatalf("round %d: the runner returned %v", round, err)
			}
		}
		add(t, s, "A", "order-1", "order-2", "cart-1") // the ends are followed in some queries, and left out in others
		add(t, s, "B", "order-1", "cart-4")
		last := add(t, s, "C", "order-11")
		r := run(t, runner(t, db, s, p, options))
		passed(t, r.Runner, last)
		r.stop()
		if d := shown(t, db).diff(fold(t, s, q)); d != "" {
			t.Errorf("round %d, %+v: %s", round, q, d)
		}
	}
}
