package servertest_test

import (
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/servertest"
)

// BenchmarkScavenge deletes half of a store of two million events, and scavenges
// while 16 clients append. It reports the share of the store's bytes that comes
// back, and the share of their rate that the writers keep. Run it with
// -benchtime 1x, on a machine that does nothing else.
func BenchmarkScavenge(b *testing.B) {
	const streams, each, batch = 20_000, 100, 500
	for b.Loop() {
		c := servertest.Start(b, 1)
		db := c.Dial()
		var fill sync.WaitGroup
		for part := range 8 {
			fill.Go(func() {
				for s := part * streams / 8; s < (part+1)*streams/8; s += batch / each {
					var writes []firn.Write
					for at := s; at < s+batch/each; at++ {
						w := firn.To(fmt.Sprintf("s-%d", at), firn.None)
						for range each {
							data := make([]byte, 256)
							rand.Read(data)
							w.Drafts = append(w.Drafts, firn.Draft{Type: "T", ContentType: "application/octet-stream", Data: data})
						}
						writes = append(writes, w)
					}
					if _, err := db.Append(b.Context(), writes...); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		fill.Wait()
		for s := range streams / 2 {
			if _, err := db.Change(b.Context(), fmt.Sprintf("s-%d", 2*s), firn.Exists, firn.Delete{}); err != nil {
				b.Fatal(err)
			}
		}
		c.Stop(0) // all of it is in tables then
		c.Run(0)
		db = c.Dial()
		before, err := db.Stats(b.Context(), "")
		if err != nil {
			b.Fatal(err)
		}
		alone := writeFor(b, c, 5*time.Second, nil)
		with := writeFor(b, c, 0, func() {
			if _, err := db.Scavenge(b.Context(), firn.NewID(), nil); err != nil {
				b.Error(err)
			}
		})
		c.Stop(0)
		c.Run(0)
		after, err := c.Dial().Stats(b.Context(), "")
		if err != nil {
			b.Fatal(err)
		}
		grown := float64(after.Bytes-before.Bytes) / float64(before.Bytes) * float64(before.DiskBytes)
		b.ReportMetric(100*(1-(float64(after.DiskBytes)-grown)/float64(before.DiskBytes)), "%back")
		b.ReportMetric(100*with/alone, "%rate")
		b.ReportMetric(alone, "appends/s")
	}
}

// writeFor appends with 16 clients for a time, or until something is done, and
// returns how many events a second.
func writeFor(b *testing.B, c *servertest.Cluster, d time.Duration, do func()) float64 {
	var n atomic.Uint64
	var over atomic.Bool
	var writers sync.WaitGroup
	begun := time.Now()
	for i := range 16 {
		db := c.Dial()
		writers.Go(func() { writeUntil(b, db, i, &n, &over) })
	}
	if do != nil {
		do()
	} else {
		time.Sleep(d)
	}
	rate := float64(n.Load()) / time.Since(begun).Seconds()
	over.Store(true)
	writers.Wait()
	return rate
}

func writeUntil(b *testing.B, db *client.Client, writer int, n *atomic.Uint64, over *atomic.Bool) {
	for !over.Load() {
		data := make([]byte, 256)
		rand.Read(data)
		if _, err := db.Append(b.Context(), firn.To(fmt.Sprintf("live-%d", writer), firn.Any, firn.Draft{Type: "T", ContentType: "application/octet-stream", Data: data})); err != nil {
			b.Error(err)
			return
		}
		n.Add(1)
	}
}
