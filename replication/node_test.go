package replication_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// One node is a cluster: it elects itself, is founded, and answers.
func TestOneNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1").start()
		var want []string
		for i := range 10 {
			text := fmt.Sprint("text ", i)
			c.write(text)
			want = append(want, text)
		}
		c.agree(want)
		s := c.seats["n1"]
		s.stop(false)
		s.start(nil)
		c.write("after")
		c.agree(append(want, "after"))
	})
}

// Three nodes elect a leader in under two seconds, and all of them apply what
// it takes. When it is gone another one goes on, and it catches up later.
func TestThreeNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3")
		start := time.Now()
		c.start()
		c.leader()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("the first election took %v", took)
		}
		var want []string
		write := func(text string, among ...string) {
			c.write(text, among...)
			want = append(want, text)
		}
		for i := range 10 {
			write(fmt.Sprint("text ", i))
		}
		c.agree(want)

		old := c.leader()
		old.stop(true)
		rest := without(c.names, old.id)
		start = time.Now()
		for i := range 10 {
			write(fmt.Sprint("without ", i), rest...)
		}
		t.Logf("failover and ten writes took %v", time.Since(start))
		c.agree(want, rest...)

		old.start(nil)
		c.agree(want)
		write("all together")
		c.agree(want)
	})
}
