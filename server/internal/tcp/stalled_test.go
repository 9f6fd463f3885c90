package tcp_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

// TestFramesThatStall: clients begin frames, as many as there is memory for, and
// do not go on. One that comes later is served all the same.
func TestFramesThatStall(t *testing.T) {
	t.Parallel()
	door := memoryDoor(t, tcp.Options{MaxBytesInFlight: 64 << 10})
	begin := wire.AppendFrame(nil, 1, &wire.Append{Writes: []wire.Write{{Stream: "s", Records: [][]byte{make([]byte, 1<<20)}}}})[:100]
	var stalled []*raw
	for range 32 {
		r := connected(t, door)
		r.write(begin)
		stalled = append(stalled, r)
	}
	for start := time.Now(); door.BytesInFlight() < 64<<10; time.Sleep(time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatalf("32 frames have begun, and %d bytes are taken", door.BytesInFlight())
		}
	}
	db := dial(t, door.Addr().String(), client.Options{Timeout: time.Minute})
	if _, err := db.Append(t.Context(), firn.To("s", firn.Any, firn.Draft{Type: "T"})); err != nil {
		t.Errorf("a client beside: %v", err)
	}
	cutOff := make(chan bool, len(stalled))
	for _, r := range stalled {
		go func() {
			h, body, err := r.frame()
			if err != nil { // a busy node may have no time to say it
				cutOff <- !errors.Is(err, os.ErrDeadlineExceeded)
				return
			}
			var m wire.Error
			if err := wire.ParseInto(&m, body); h.Kind != wire.KindError || err != nil || m.Err.Kind != firn.ErrBusy {
				t.Errorf("a client whose frame stalls is told %v: %+v (%v)", h.Kind, m, err)
			}
			cutOff <- true
		}()
	}
	if !<-cutOff {
		t.Error("none was cut off")
	}
	for _, r := range stalled {
		r.nc.SetReadDeadline(time.Now())
	}
	cut := 1
	for range len(stalled) - 1 {
		if <-cutOff {
			cut++
		}
	}
	if cut > 8 {
		t.Errorf("%d of %d were cut off, for one that needed no more than each of them", cut, len(stalled))
	}
}

// TestAnswersNotTaken: clients ask for much and take nothing, more than there is
// memory for. One that takes what it asks for gets all of it.
func TestAnswersNotTaken(t *testing.T) {
	t.Parallel()
	const events, size, budget = 64, 64 << 10, 2 << 20
	store := firn.Memory()
	for i := range events {
		if _, err := store.Append(t.Context(), firn.To(fmt.Sprint("s-", i), firn.Any, firn.Draft{Type: "T", Data: make([]byte, size), ContentType: "application/octet-stream"})); err != nil {
			t.Fatal(err)
		}
	}
	door := tcptest.Serve(t, tcptest.New(store), tcp.Options{MaxBytesSending: budget})
	for range 6 {
		r := connected(t, door)
		r.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
		for call := range uint64(8) {
			r.send(call+1, &wire.Read{Query: firn.Query{All: true}, Credit: 1 << 40})
		}
	}
	for start := time.Now(); door.BytesSending() < budget; time.Sleep(time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatalf("nobody takes anything, and %d bytes wait", door.BytesSending())
		}
	}
	db := dial(t, door.Addr().String(), client.Options{Timeout: time.Minute})
	n := 0
	for _, err := range db.Read(t.Context(), firn.Query{All: true}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != events {
		t.Errorf("a client beside has read %d events, want %d", n, events)
	}
	// What one frame takes may be over the budget for each who looked at once.
	if most := door.BytesSending(); most > 3*budget {
		t.Errorf("%d bytes wait to be taken, of %d that may", most, budget)
	}
}

// TestCallsWithoutEnd: a client asks, and takes no answer. At some time it is
// not listened to any more, so what it costs is bounded.
func TestCallsWithoutEnd(t *testing.T) {
	t.Parallel()
	door := memoryDoor(t, tcp.Options{})
	r := connected(t, door)
	r.nc.(*net.TCPConn).SetReadBuffer(4 << 10)
	many := slices.Repeat(wire.AppendFrame(nil, 1, &wire.Head{}), 1000)
	const most = 20_000_000
	asked, before := 0, runtime.NumGoroutine()
	for ; asked < most; asked += 1000 {
		r.nc.SetWriteDeadline(time.Now().Add(2 * time.Second))
		if _, err := r.nc.Write(many); err != nil {
			break
		}
		if n := runtime.NumGoroutine() - before; n > 10_000 {
			t.Fatalf("after %d calls there are %d goroutines", asked, n)
		}
	}
	if asked == most {
		t.Errorf("the node has listened to %d calls, of which no answer was taken", asked)
	}
	connected(t, door).works()
}
