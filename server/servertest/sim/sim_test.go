package sim_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server/servertest/sim"
)

// TestSim runs clusters one after the other, on each of the machine's cores, each
// with the next seed, until there was enough: FIRN_SIM_HOURS that count, and
// FIRN_SIM_HISTORIES. Without these it is a short run on each.
func TestSim(t *testing.T) {
	c := campaign{hours: number(t, "FIRN_SIM_HOURS"), histories: number(t, "FIRN_SIM_HISTORIES"), options: options(t), seed: testenv.Seed(t)}
	began, cores := time.Now(), runtime.GOMAXPROCS(0)
	if c.hours == 0 && c.histories == 0 {
		c.runs = cores
		if c.options.For == 0 {
			c.options.For = 15 * time.Second
		}
	}
	if err := flag.Set("test.parallel", strconv.Itoa(cores)); err != nil {
		t.Fatal(err)
	}
	t.Run("core", func(t *testing.T) {
		for i := range cores {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				c.work(t)
			})
		}
	})
	t.Logf("in all: %v\n%v of wall time on %d cores", &c.report, time.Since(began).Round(time.Second), cores)
}

// options are what the environment says of each run.
func options(t *testing.T) (o sim.Options) {
	t.Helper()
	if os.Getenv("FIRN_SIM_TRACE") != "" {
		o.Trace = os.Stderr
	}
	o.TCP = os.Getenv("FIRN_SIM_TCP") != ""
	if text := os.Getenv("FIRN_SIM_FOR"); text != "" {
		var err error
		if o.For, err = time.ParseDuration(text); err != nil {
			t.Fatalf("FIRN_SIM_FOR=%s: %v", text, err)
		}
	}
	if text := os.Getenv("FIRN_SIM_FAULTS"); text != "" {
		for kind := range strings.SplitSeq(text, ",") {
			if !slices.Contains(sim.Kinds(), sim.Kind(kind)) {
				t.Fatalf("FIRN_SIM_FAULTS=%s: there is no %q; there are %q", text, kind, sim.Kinds())
			}
			o.Faults = append(o.Faults, sim.Kind(kind))
		}
	}
	return o
}

// number returns what an environment variable says, 0 where it is not set.
func number(t *testing.T, name string) float64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatalf("%s=%s: %v", name, text, err)
	}
	return n
}

// campaign is many runs.
type campaign struct {
	hours, histories float64 // that are wanted, or
	runs             int
	options          sim.Options

	mu     sync.Mutex
	begun  int
	seed   uint64 // of the next run
	report sim.Report
	failed bool
}

// next returns the seed of another run, false where there was enough.
func (c *campaign) next() (seed uint64, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seed = c.seed
	c.seed++
	c.begun++
	return seed, !c.failed && (c.begun <= c.runs || c.report.Counted.Hours() < c.hours || float64(c.report.Histories) < c.histories)
}

// work makes one run after the other.
func (c *campaign) work(t *testing.T) {
	const report = 50 // runs
	for {
		seed, more := c.next()
		if !more {
			return
		}
		r, err := sim.Run(t, seed, c.options)
		c.mu.Lock()
		c.report.Add(r)
		c.failed = c.failed || err != nil
		if c.report.Runs%report == 0 {
			t.Logf("so far: %v", &c.report)
		}
		c.mu.Unlock()
		if err != nil {
			t.Errorf("seed %d: %v\n%v\nrun it again: FIRN_SEED=%d go test -count=1 -run '^TestSim$' ./server/servertest/sim", seed, err, &r, seed)
		}
	}
}
