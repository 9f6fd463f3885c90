package replication_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/replication"
	"github.com/firndb/firn/replication/replicationtest"
)

// TestClusterVersion replaces the nodes of a cluster, one by one, by those of a
// release that can do the next cluster version. The cluster moves to it when all of
// them are up, one without a vote included, and not while one is down.
// From then on a node of the old release is ended, and says why.
func TestClusterVersion(t *testing.T) {
	const next = command.VersionNow + 1
	release := func(knows uint64) func(*replication.Options) {
		return func(o *replication.Options) { o.Machine.(*replicationtest.Machine).SetKnows(knows) }
	}
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "n1", "n2", "n3").start()
		c.write("first")
		added := c.add("n4")
		added.adjust = func(o *replication.Options) { o.Self.Replica = true }
		added.start(nil)
		leader, _ := c.leader("n1", "n2", "n3").now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := leader.AddNonvoter(ctx, "n4", "n4:7410"); err != nil {
			t.Fatal(err)
		}
		version := func(want uint64) {
			t.Helper()
			time.Sleep(5 * time.Second)
			for _, name := range c.names {
				if _, m := c.seats[name].now(); m.ClusterVersion() != want {
					t.Errorf("%s is at cluster version %d, want %d", name, m.ClusterVersion(), want)
				}
			}
		}
		version(command.VersionNow)

		replace := func(name string) {
			s := c.seats[name]
			s.stop(false)
			s.adjust = func(o *replication.Options) { release(next)(o); o.Self.Replica = name == "n4" }
			s.start(nil)
		}
		for _, name := range []string{"n4", "n1", "n2"} {
			replace(name)
			c.write("with " + name + " replaced")
			version(command.VersionNow)
		}
		added.stop(false) // which is not to say that it comes back as a new one
		replace("n3")
		c.write("with n3 replaced", "n1", "n2", "n3")
		version(command.VersionNow)
		replace("n4")
		version(next)
		for _, name := range c.names {
			if err := c.seats[name].failure(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}

		voters := without(c.names, "n4")
		old := without(voters, c.leader().id)[0]
		s := c.seats[old]
		s.stop(false)
		s.adjust = release(command.VersionNow)
		s.start(nil)
		c.await("the node of the old release ends", time.Minute, func() bool { return s.failure() != nil })
		if err := s.failure(); !errors.Is(err, firn.ErrUnsupported) || !strings.Contains(err.Error(), "the cluster is at version 2") || !strings.Contains(err.Error(), "this release knows 1") {
			t.Errorf("it says: %v", err)
		}
		c.write("without it", without(voters, old)...)
	})
}
