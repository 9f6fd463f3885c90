package servertest_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/internal/testenv"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// shortLog makes a node keep so little of its Raft log that a replica which
// was away for some megabytes needs an image. So many of them at once are work
// for a busy machine; it is given time before nodes elect.
func shortLog(c *server.Config) {
	c.Heartbeat = time.Second
	c.RaftLog = server.RaftLog{SnapshotBytes: 256 << 10, TrailingBytes: 64 << 10}
}

// fill appends 3 MiB to a stream.
func fill(t *testing.T, db *client.Client, ledger *check.Ledger) {
	t.Helper()
	for i := range 24 {
		w := firn.To("large-1", firn.Any)
		for j := range 4 {
			data := fmt.Appendf(nil, `{"n": %d, "text": "%s"}`, 4*i+j, bytes.Repeat([]byte("x"), 32<<10))
			w.Drafts = append(w.Drafts, firn.Draft{ID: firn.NewID(), Type: "Large", Data: data})
		}
		told, err := db.Append(t.Context(), w)
		if ledger.Add([]firn.Write{w}, told, err) != check.Done {
			t.Fatal(err)
		}
	}
}

var shortened = regexp.MustCompile(`the log was shortened.* first=(\d+)`)

// forget makes the nodes truncate their logs behind everything that they have
// applied now.
func forget(t *testing.T, p *servertest.Processes, db *client.Client, ledger *check.Ledger, nodes ...int) {
	t.Helper()
	status, err := db.Status(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	behind := uint64(0)
	for _, n := range status.Nodes {
		behind = max(behind, n.Applied)
	}
	fill(t, db, ledger)
	for _, i := range nodes {
		p.AwaitLog(i, fmt.Sprintf("its Raft log begins behind %d", behind), func(log string) bool { return beginsBehind(log, behind) })
	}
}

// beginsBehind reports whether a node has said that its Raft log begins behind
// an index.
func beginsBehind(log string, index uint64) bool {
	all := shortened.FindAllStringSubmatch(log, -1)
	if len(all) == 0 {
		return false
	}
	first, err := strconv.ParseUint(all[len(all)-1][1], 10, 64)
	return err == nil && first > index
}

const imageWords = "an image of another replica was received"

// TestAnImageIsReceived keeps a node away until the others have truncated their
// logs. It then needs an image, which it puts to use while clients write.
func TestAnImageIsReceived(t *testing.T) {
	t.Parallel()
	p := servertest.SpawnWith(t, 3, shortLog)
	db := p.Dial()
	load := loaded(t, p)
	load.Await(50)
	away := (p.Leader(t.Context(), db) + 1) % 3
	p.Kill(away)
	forget(t, p, db, &load.Ledger, (away+1)%3, (away+2)%3)
	p.Run(away)
	p.AwaitLog(away, imageWords, func(log string) bool { return strings.Contains(log, imageWords) })
	load.Await(200)
	load.Stop()
	load.Check(servertest.Agree(t, db, p.Nodes()...))
}

// TestKilledWhileReceiving kills a node again and again while an image comes
// in, and while it is put to use.
func TestKilledWhileReceiving(t *testing.T) {
	t.Parallel()
	p := servertest.SpawnWith(t, 3, shortLog)
	db := p.Dial()
	load := loaded(t, p)
	random := rand.New(rand.NewPCG(testenv.Seed(t), 0))
	away := (p.Leader(t.Context(), db) + 1) % 3
	p.Kill(away)
	for range 3 {
		fill(t, db, &load.Ledger)
	}
	for range servertest.Rounds(6, 100) {
		forget(t, p, db, &load.Ledger, (away+1)%3, (away+2)%3)
		p.Run(away)
		time.Sleep(time.Duration(50+random.IntN(400)) * time.Millisecond)
		p.Kill(away)
	}
	p.Run(away)
	load.Await(50)
	load.Stop()
	load.Check(servertest.Agree(t, db, p.Nodes()...))
	t.Logf("it was opened from an image %d times", strings.Count(p.Log(away), imageWords))
}
