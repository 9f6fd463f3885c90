package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn/internal/check"
)

// Run runs one cluster, and returns what has happened in it. The error says
// which promises were broken, as the errors of package check do; then the trace is
// kept in a file, which the test's log names.
//
// t is for the bubble. Run does not fail it.
func Run(t *testing.T, seed uint64, o Options) (Report, error) {
	t.Helper()
	began := time.Now()
	var c *cluster
	synctest.Test(t, func(*testing.T) {
		c = newCluster(seed, o)
		c.run()
	})
	c.report.Wall, c.trace.ended = time.Since(began), true
	if c.settled {
		c.compare()
	}
	err := errors.Join(c.faults...)
	c.report.Outcomes = map[check.Outcome]int{}
	for _, o := range []check.Outcome{check.Done, check.NotDone, check.Unknown} {
		c.report.Outcomes[o] = c.history.Ledger.Count(o)
	}
	c.report.Checked = time.Since(began) - c.report.Wall
	if err != nil {
		t.Logf("seed %d: %s", seed, c.keepTrace(err))
	}
	return c.report, err
}

// run is what happens in the bubble.
func (c *cluster) run() {
	defer c.stop()
	if err := c.start(); err != nil {
		c.fault(Alive, "%v", err)
		return
	}
	began := time.Now()
	var users sync.WaitGroup
	for i := range c.o.Groups {
		g := &group{c: c, number: i, random: rand.New(rand.NewPCG(c.seed, uint64(100+i)))}
		users.Go(g.run)
	}
	c.follow()
	c.hurt(began.Add(c.o.For))
	ran := time.Since(began)
	c.count(func(r *Report) { r.Simulated, r.Counted = ran, c.counted(ran) })
	c.mend()
	for limit := time.Now().Add(recovery); c.changing.Load() && time.Now().Before(limit); {
		c.wait(100 * time.Millisecond)
	}
	c.enough.Store(true)
	if err := c.await(); err != nil {
		c.fault(Alive, "%v", err)
		c.end()
	}
	users.Wait()
	c.settle()
	c.end()
	c.following.Wait()
}

// keepTrace writes the trace to a file and says where.
func (c *cluster) keepTrace(err error) string {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("firn-sim-%d.trace", c.seed))
	lines := c.trace.String()
	if err := os.WriteFile(path, fmt.Appendf(nil, "%s\n%v\n", lines, err), 0o644); err != nil {
		return err.Error()
	}
	const end = 4 << 10
	return "the trace is in " + path + "; it ends:\n" + lines[max(0, len(lines)-end):]
}
