//go:build unix

package tcp_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

// processorTime returns what the process has used so far.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAppend is 256 callers on one connection, each with one append of 256
// bytes at a time, on a backend that answers at once: what client, protocol and
// door cost an append.
func BenchmarkAppend(b *testing.B) {
	backend := tcptest.New(firn.Memory())
	var position atomic.Uint64
	backend.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
		p := firn.Position(position.Add(1))
		return firn.Appended{
			Position: p, Time: time.UnixMicro(int64(p)),
			Writes: []firn.Written{{Stream: writes[0].Stream, FirstPosition: p, LastPosition: p}},
		}, nil
	}
	door := tcptest.Serve(b, backend, tcp.Options{})
	c, err := client.Dial(context.Background(), door.Addr().String(), client.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	const callers = 256
	data := make([]byte, 256)
	left := atomic.Int64{}
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			stream := fmt.Sprint("stream-", i)
			for left.Add(-1) >= 0 {
				if _, err := c.Append(context.Background(), firn.To(stream, firn.Any, firn.Draft{ID: firn.ID{1}, Type: "Measured", Data: data})); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// BenchmarkReadAll reads events of 256 bytes of data in 100 streams, as a scan
// of everything does.
func BenchmarkReadAll(b *testing.B) {
	const streams = 100
	var stored [1000]record.Stored
	for i := range stored {
		e := firn.Event{
			Stream: fmt.Sprint("stream-", i%streams), Position: firn.Position(i + 1), Revision: firn.Revision(i / streams), Time: time.Now(), Count: 1,
			ID: firn.NewID(), Type: "Measured", ContentType: firn.JSON, Data: make([]byte, 256),
		}
		stored[i] = record.Stored{Stream: e.Stream, Position: e.Position, Bytes: record.Encode(&e)}
	}
	backend := tcptest.New(firn.Memory())
	backend.OnRecords = func(ctx context.Context, q firn.Query) iter.Seq2[record.Stored, error] {
		return func(yield func(record.Stored, error) bool) {
			for i := range q.Limit {
				if !yield(stored[i%uint64(len(stored))], nil) {
					return
				}
			}
		}
	}
	door := tcptest.Serve(b, backend, tcp.Options{})
	c, err := client.Dial(context.Background(), door.Addr().String(), client.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	n := 0
	for _, err := range c.Read(context.Background(), firn.Query{All: true, Limit: uint64(b.N)}) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != b.N {
		b.Fatalf("%d events, want %d", n, b.N)
	}
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
