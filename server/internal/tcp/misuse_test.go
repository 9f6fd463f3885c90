package tcp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/internal/security"
	"github.com/firndb/firn/server/internal/tcp"
	"github.com/firndb/firn/server/internal/tcp/tcptest"
	"github.com/firndb/firn/server/wire"
)

func memoryDoor(t testing.TB, o tcp.Options) *tcp.Server {
	return tcptest.Serve(t, tcptest.New(firn.Memory()), o)
}

// TestStrangers sends what is not Firn's protocol. Each stranger is told so and
// let go; the next client is served.
func TestStrangers(t *testing.T) {
	door := memoryDoor(t, tcp.Options{HandshakeTimeout: time.Second})
	hello := &wire.Hello{VersionMin: 1, VersionMax: 1}
	frame := wire.AppendFrame(nil, 0, hello)
	huge := bytes.Clone(frame)
	binary.BigEndian.PutUint32(huge, 1<<32-1)
	late := wire.AppendFrame(nil, 0, &wire.Hello{VersionMin: 2, VersionMax: 9})
	for _, stranger := range []struct {
		name  string
		bytes []byte
		kind  firn.Kind
	}{
		{"a browser", []byte("GET / HTTP/1.1\r\nHost: firn\r\n\r\n"), firn.ErrInvalid},
		{"TLS where there is none", []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), firn.ErrInvalid},
		{"one wrong byte", []byte("X"), firn.ErrInvalid},
		{"a length of 4 GiB", append([]byte(wire.Magic), huge...), firn.ErrTooLarge},
		{"a call before Hello", append([]byte(wire.Magic), wire.AppendFrame(nil, 1, &wire.Head{})...), firn.ErrInvalid},
		{"another protocol version", append([]byte(wire.Magic), late...), firn.ErrUnsupported},
		{"a Hello that is cut short", append([]byte(wire.Magic), frame[:len(frame)-3]...), firn.ErrTimeout},
		{"nothing at all", nil, firn.ErrTimeout},
	} {
		t.Run(stranger.name, func(t *testing.T) {
			t.Parallel()
			r := rawDial(t, door)
			r.write(stranger.bytes)
			r.refused(0, stranger.kind)
			r.ended()
			connected(t, door).works()
		})
	}
}

// TestOneByteAtATime: whoever sends so slowly that a frame is never complete is
// let go after its time, in the handshake and behind it.
func TestOneByteAtATime(t *testing.T) {
	t.Parallel()
	door := memoryDoor(t, tcp.Options{FrameTimeout: time.Second, HandshakeTimeout: time.Second})
	drip := func(r *raw, b []byte) {
		go func() {
			for i := range b {
				if _, err := r.nc.Write(b[i : i+1]); err != nil {
					return
				}
				time.Sleep(150 * time.Millisecond)
			}
		}()
	}
	r := rawDial(t, door)
	drip(r, append([]byte(wire.Magic), wire.AppendFrame(nil, 0, &wire.Hello{})...))
	r.refused(0, firn.ErrTimeout)
	r.ended()

	r = connected(t, door)
	other := connected(t, door)
	drip(r, wire.AppendFrame(nil, 1, &wire.Stream{Name: "order-42"}))
	r.refused(0, firn.ErrTimeout)
	r.ended()
	other.works()
}

// TestWrongFrames sends frames that are wrong behind the handshake.
func TestWrongFrames(t *testing.T) {
	door := memoryDoor(t, tcp.Options{})
	frame := func(kind byte, body ...byte) []byte {
		b := append(wire.BeginFrame(nil, wire.Kind(kind), 7), body...)
		wire.EndFrame(b, 0)
		return b
	}
	t.Run("the connection goes on", func(t *testing.T) {
		r := connected(t, door)
		for _, wrong := range []struct {
			frame []byte
			kind  firn.Kind
		}{
			{frame(200, 0x90), firn.ErrUnsupported},
			{frame(byte(wire.KindWelcome), 0x90), firn.ErrUnsupported},
			{frame(byte(wire.KindAppend), 0xff), firn.ErrInvalid},
			{frame(byte(wire.KindAppend), 0x91, 0x90), firn.ErrInvalid},
			{frame(byte(wire.KindRead), 0x91), firn.ErrInvalid},
			{frame(byte(wire.KindHead)), firn.ErrInvalid},
			{frame(byte(wire.KindCredit), 0xc1), firn.ErrInvalid},
			{frame(byte(wire.KindStatus), 0x90, 0x90), firn.ErrInvalid},
			{frame(byte(wire.KindAddNode), 0x92, 0xa0, 0xa0), firn.ErrInvalid},
		} {
			r.write(wrong.frame)
			r.refused(7, wrong.kind)
		}
		r.send(0, &wire.Plain{Is: wire.KindPing})
		if m := r.receive(); m.Kind() != wire.KindPong {
			t.Errorf("Ping is answered by %v", m.Kind())
		}
		r.send(12345, &wire.Plain{Is: wire.KindCancel}) // a call that was never made
		r.works()
	})
	t.Run("the connection ends", func(t *testing.T) {
		huge := frame(byte(wire.KindAppend), 0x90)
		binary.BigEndian.PutUint32(huge, 1<<32-1)
		version := frame(byte(wire.KindHead), 0x90)
		version[4] = 9
		for _, wrong := range []struct {
			frame []byte
			kind  firn.Kind
		}{{huge, firn.ErrTooLarge}, {version, firn.ErrUnsupported}} {
			r := connected(t, door)
			r.write(wrong.frame)
			r.refused(0, wrong.kind)
			r.ended()
			connected(t, door).works()
		}
	})
	if n := door.BytesInFlight(); n != 0 {
		t.Errorf("%d bytes of requests are still counted", n)
	}
}

// TestLimits asks for less than the node grants by itself, and is held to it.
func TestLimits(t *testing.T) {
	door := memoryDoor(t, tcp.Options{Limits: wire.Limits{EventBytes: 100, AppendBytes: 300, AppendEvents: 3, NameBytes: 20}})
	r := connected(t, door)
	draft := func(bytesOfData int) []byte {
		return record.AppendDraft(nil, &firn.Draft{ID: firn.NewID(), Type: "T", Data: make([]byte, bytesOfData)})
	}
	for _, over := range []struct {
		name  string
		write wire.Write
		kind  firn.Kind
	}{
		{"event", wire.Write{Stream: "s", Records: [][]byte{draft(101)}}, firn.ErrTooLarge},
		{"append", wire.Write{Stream: "s", Records: [][]byte{draft(90), draft(90), draft(90)}}, firn.ErrTooLarge},
		{"events", wire.Write{Stream: "s", Records: [][]byte{draft(1), draft(1), draft(1), draft(1)}}, firn.ErrTooLarge},
		{"name", wire.Write{Stream: "a-name-of-21-bytes-it", Records: [][]byte{draft(1)}}, firn.ErrInvalid},
	} {
		r.send(7, &wire.Append{Writes: []wire.Write{over.write}})
		r.refused(7, over.kind)
	}
	r.send(8, &wire.Append{Writes: []wire.Write{{Stream: "s", Records: [][]byte{draft(100), draft(50), draft(50)}}}})
	if m := r.receive(); m.Kind() != wire.KindAppended {
		t.Errorf("an append at the limits is answered by %+v", m)
	}
}

// TestBounds: connections, calls and bytes over their bounds are refused at
// once, and there is room again as soon as others have gone.
func TestBounds(t *testing.T) {
	b := tcptest.New(firn.Memory())
	held, release := make(chan struct{}), make(chan struct{})
	b.OnAppend = func(ctx context.Context, writes []wire.Write) (firn.Appended, error) {
		held <- struct{}{}
		<-release
		return firn.Appended{}, nil
	}
	door := tcptest.Serve(t, b, tcp.Options{MaxConnections: 2, MaxCallsPerConnection: 2, MaxBytesInFlight: 1 << 20})
	r, other := connected(t, door), connected(t, door)

	third := rawDial(t, door)
	third.refused(0, firn.ErrBusy)
	third.ended()

	r.send(1, &wire.Append{})
	r.send(2, &wire.Append{})
	<-held
	<-held
	r.send(3, &wire.Head{})
	r.refused(3, firn.ErrBusy)

	big := &wire.Append{Writes: []wire.Write{{Stream: "s", Records: [][]byte{make([]byte, 2<<20)}}}}
	other.send(4, big)
	other.refused(4, firn.ErrBusy)
	other.works()

	release <- struct{}{}
	release <- struct{}{}
	r.receive()
	r.receive()
	r.works()
	if n := door.Connections(); n != 2 {
		t.Errorf("%d connections are counted, want 2", n)
	}
}

// TestSilence: a client that gives no sign of life is asked, then let go; one
// that answers stays.
func TestSilence(t *testing.T) {
	t.Parallel()
	door := memoryDoor(t, tcp.Options{KeepAlive: 2 * time.Second})
	dead, alive := connected(t, door), connected(t, door)
	for range 2 {
		if m := alive.receive(); m.Kind() != wire.KindPing {
			t.Fatalf("got %v, want Ping", m.Kind())
		}
		alive.send(0, &wire.Plain{Is: wire.KindPong})
	}
	for {
		if _, _, err := dead.frame(); err != nil {
			break // the pings came, then the end
		}
	}
	alive.works2()
}

// works2 is works on a connection over which pings come too.
func (r *raw) works2() {
	r.t.Helper()
	r.send(999, &wire.Head{})
	for {
		if m := r.receive(); m.Kind() == wire.KindHeadAt {
			return
		} else if m.Kind() != wire.KindPing {
			r.t.Fatalf("got %v, want HeadAt", m.Kind())
		}
	}
}

// TestAuthenticate: the backend is asked once whether it lets somebody in, and
// each call then says who makes it.
func TestAuthenticate(t *testing.T) {
	ann := security.NewCaller(security.Presented{Token: "secret"})
	callers := make(chan security.Caller, 1)
	b := tcptest.New(firn.Memory())
	b.OnAuthenticate = func(ctx context.Context) error {
		if caller, _ := security.CallerOf(ctx); caller != ann {
			return firn.Errorf(firn.ErrUnauthenticated, "nobody has that token")
		}
		return nil
	}
	b.OnAppend = func(ctx context.Context, _ []wire.Write) (firn.Appended, error) {
		caller, _ := security.CallerOf(ctx)
		callers <- caller
		return firn.Appended{}, nil
	}
	door := tcptest.Serve(t, b, tcp.Options{})
	r := rawDial(t, door)
	r.write([]byte(wire.Magic))
	r.send(0, &wire.Hello{VersionMin: 1, VersionMax: 1, Token: "guess"})
	r.refused(0, firn.ErrUnauthenticated)
	r.ended()

	r = rawDial(t, door)
	r.write([]byte(wire.Magic))
	r.send(0, &wire.Hello{VersionMin: 1, VersionMax: 1, Token: "secret"})
	r.receive()
	r.send(1, &wire.Append{})
	if caller := <-callers; caller != ann {
		t.Error("the append is somebody else's")
	}
}
