package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/web"
)

// soon is longer than anything here takes, on any machine.
const soon = time.Minute

// serve opens the door on loopback, until the test ends.
func serve(t *testing.T, b *backend, o web.Options) (address string, d *web.Door) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d = web.New(b, web.NewMetrics(func() (web.Figures, bool) { return web.Figures{}, false }), o)
	served := make(chan error, 1)
	go func() { served <- d.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		if err := d.Close(ctx); err != nil {
			t.Errorf("closing the door: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return l.Addr().String(), d
}

// raw sends bytes and returns the connection.
func raw(t *testing.T, address, request string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(soon))
	if _, err := io.WriteString(nc, request); err != nil {
		t.Fatal(err)
	}
	return nc
}

// answered reads one answer from a connection.
func answered(t *testing.T, nc net.Conn) answer {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{r.StatusCode, r.Header, string(body)}
}

// watched tells when a read has begun, and when it has ended.
func watched(read func(context.Context, firn.Query) iter.Seq2[firn.Event, error]) (
	watching func(context.Context, firn.Query) iter.Seq2[firn.Event, error], began, ended chan struct{}) {
	began, ended = make(chan struct{}, 10), make(chan struct{}, 10)
	return func(ctx context.Context, q firn.Query) iter.Seq2[firn.Event, error] {
		return func(yield func(firn.Event, error) bool) {
			began <- struct{}{}
			defer func() { ended <- struct{}{} }()
			read(ctx, q)(yield)
		}
	}, began, ended
}

func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(soon):
		t.Fatalf("%s has not come", what)
	}
}

// TestAClientThatDoesNotRead is cut off, and its read ends.
func TestAClientThatDoesNotRead(t *testing.T) {
	var ended chan struct{}
	b := &backend{Store: firn.Memory()}
	b.onRead, _, ended = watched(endless(-1, nil))
	address, _ := serve(t, b, web.Options{StallTimeout: 50 * time.Millisecond})
	raw(t, address, "GET /all HTTP/1.1\r\nHost: x\r\n\r\n")
	await(t, "the end of the read", ended)
}

// TestAClientThatGoesAway ends its read, also while there is nothing to write.
func TestAClientThatGoesAway(t *testing.T) {
	b := &backend{Store: firn.Memory()}
	var began, ended chan struct{}
	b.onRead, began, ended = watched(func(ctx context.Context, _ firn.Query) iter.Seq2[firn.Event, error] {
		return func(func(firn.Event, error) bool) { <-ctx.Done() }
	})
	address, _ := serve(t, b, web.Options{})
	nc := raw(t, address, "GET /all?timeout=5m HTTP/1.1\r\nHost: x\r\n\r\n")
	await(t, "the read", began)
	nc.Close()
	await(t, "the end of the read", ended)
}

func TestABodyThatDoesNotArrive(t *testing.T) {
	t.Parallel()
	address, _ := serve(t, &backend{Store: firn.Memory()}, web.Options{StallTimeout: time.Second})
	const head = "POST /streams/a?type=T HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	answered(t, raw(t, address, head+"Content-Length: 100\r\n\r\n12345")).wants(t, 408, "5 bytes of it did", "Nothing was done", `"retry":"safe"`)
	// Said to be too much, it is refused before anything of it arrives.
	answered(t, raw(t, address, head+"Content-Length: 100000000\r\nExpect: 100-continue\r\n\r\n")).wants(t, 413, "more than 4194304 bytes")
	// Too much without having said so.
	nc := raw(t, address, head+"Transfer-Encoding: chunked\r\n\r\n")
	go func() {
		for range 65 {
			io.WriteString(nc, "10000\r\n"+strings.Repeat("1", 0x10000)+"\r\n") // fails once it is refused
		}
	}()
	answered(t, nc).wants(t, 413, "more than 4194304 bytes")
	cut := raw(t, address, head+"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nx\r\n")
	answered(t, cut).wants(t, 400, "was not read to its end (5 bytes arrived")
	for _, line := range []string{"GET /streams/%zz HTTP/1.1\r\nHost: x\r\n\r\n", "nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"} {
		answered(t, raw(t, address, line)).wants(t, 400)
	}
	answered(t, raw(t, address, "GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 100<<10)+"\r\n\r\n")).wants(t, 431)
}

// TestBodiesTogether are bounded, and give back what they took.
func TestBodiesTogether(t *testing.T) {
	b := &backend{Store: firn.Memory()}
	took := make(chan struct{}, 1)
	let := make(chan struct{})
	b.onAppend = func(ctx context.Context) (firn.Appended, error) {
		took <- struct{}{}
		<-let
		return firn.Appended{}, firn.Errorf(firn.ErrConflict, "no")
	}
	address, _ := serve(t, b, web.Options{MaxBytesInFlight: 16 << 10})
	body := `"` + strings.Repeat("x", 9000) + `"`
	const url = "/streams/a?type=T"
	post := func(c chan<- int) {
		r, err := http.Post("http://"+address+url, "application/json", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			c <- 0
			return
		}
		r.Body.Close()
		c <- r.StatusCode
	}
	first, second := make(chan int, 1), make(chan int, 1)
	go post(first)
	await(t, "the first append", took)
	post(second)
	if status := <-second; status != 503 {
		t.Errorf("over the limit an append is answered with %d", status)
	}
	close(let)
	if status := <-first; status != 409 {
		t.Errorf("the first append is answered with %d", status)
	}
	post(second)
	if status := <-second; status != 409 {
		t.Errorf("once there is room, an append is answered with %d", status)
	}
}

func TestTooManyRequests(t *testing.T) {
	b := &backend{Store: firn.Memory()}
	var began chan struct{}
	b.onRead, began, _ = watched(func(ctx context.Context, _ firn.Query) iter.Seq2[firn.Event, error] {
		return func(func(firn.Event, error) bool) { <-ctx.Done() }
	})
	address, _ := serve(t, b, web.Options{MaxRequests: 1})
	nc := raw(t, address, "GET /all?timeout=5m HTTP/1.1\r\nHost: x\r\n\r\n")
	await(t, "the read", began)
	answered(t, raw(t, address, "GET /all HTTP/1.1\r\nHost: x\r\n\r\n")).wants(t, 503, `"kind":"busy"`)
	answered(t, raw(t, address, "GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n")).wants(t, 200)
	nc.Close()
}

// TestCloseDuringARead ends it with the reason, and so that nobody takes it for
// a whole answer.
func TestCloseDuringARead(t *testing.T) {
	b := &backend{Store: firn.Memory()}
	var began chan struct{}
	b.onRead, began, _ = watched(endless(-1, nil))
	address, d := serve(t, b, web.Options{})
	r, err := http.Get("http://" + address + "/all")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	await(t, "the read", began)
	closed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		closed <- d.Close(ctx)
	}()
	last := ""
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		last = lines.Text()
	}
	if !errors.Is(lines.Err(), io.ErrUnexpectedEOF) || !strings.Contains(last, `{"error":{"kind":"unavailable","message":"this node is stopping`) {
		t.Errorf("the answer ends with %v and %s", lines.Err(), last)
	}
	if err := <-closed; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("closing: %v", err)
	}
}
