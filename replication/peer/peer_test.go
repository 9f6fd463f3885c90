package peer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/replication/peer"
	"github.com/firndb/firn/replication/peer/peertest"
)

var (
	clusterA = firn.ID{0xa}
	clusterB = firn.ID{0xb}
	history1 = firn.ID{0x1}
	history2 = firn.ID{0x2}
)

// listen opens a port of a node on its simulated host, closed by the test's end.
func listen(t *testing.T, sim *peertest.Sim, node string, change ...func(*peer.Options)) *peer.Port {
	t.Helper()
	o := peer.Options{
		Addr:     node + ":7410",
		Node:     node,
		Network:  sim.Host(node),
		Identity: func() peer.Identity { return peer.Identity{Cluster: clusterA, History: history1} },
	}
	for _, f := range change {
		f(&o)
	}
	p, err := peer.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

const kindEcho = 1

func echo(_ context.Context, from string, body []byte) ([]byte, error) {
	return append([]byte(from+":"), body...), nil
}

func TestCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := peertest.NewSim()
		a, b := listen(t, sim, "a"), listen(t, sim, "b")
		b.Handle(kindEcho, echo)
		b.Handle(2, func(context.Context, string, []byte) ([]byte, error) {
			return nil, &firn.Error{Kind: firn.ErrNotLeader, Message: "ask the leader", Leader: "c:7400"}
		})
		b.Handle(3, func(context.Context, string, []byte) ([]byte, error) { return nil, io.ErrNoProgress })
		b.Handle(4, func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		b.Handle(5, func(context.Context, string, []byte) ([]byte, error) { return make([]byte, 1<<20+1), nil })
		ctx := t.Context()

		for range 3 {
			got, err := a.Call(ctx, "b", "b:7410", kindEcho, []byte("hello"))
			if err != nil || string(got) != "a:hello" {
				t.Fatalf("echo: %q, %v", got, err)
			}
		}
		if n := sim.Connections(); n != 1 {
			t.Errorf("%d connections for calls one after the other, want 1", n)
		}
		body := bytes.Repeat([]byte{7}, 1<<20-2)
		if got, err := a.Call(ctx, "", "b:7410", kindEcho, body); err != nil || len(got) != 1<<20 {
			t.Errorf("the largest call: %d bytes, %v", len(got), err)
		}

		var e *firn.Error
		_, err := a.Call(ctx, "b", "b:7410", 2, nil)
		if !errors.As(err, &e) || e.Kind != firn.ErrNotLeader || e.Leader != "c:7400" || e.Message != "ask the leader" {
			t.Errorf("an error came back as %#v", err)
		}
		for _, c := range []struct {
			name string
			kind uint8
			body []byte
			want firn.Kind
		}{
			{"an error of another type", 3, nil, firn.ErrInternal},
			{"an answer too large", 5, nil, firn.ErrTooLarge},
			{"a call too large", kindEcho, make([]byte, 1<<20+1), firn.ErrTooLarge},
			{"an unknown kind", 99, nil, firn.ErrUnsupported},
		} {
			if _, err := a.Call(ctx, "b", "b:7410", c.kind, c.body); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}

		sim.Delay("b", "a", 10*time.Millisecond) // the context ends before the handler's answer is here
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		start := time.Now()
		if _, err := a.Call(short, "b", "b:7410", 4, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a handler that waits: %v", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %v, the context had 1s", took)
		}
		if _, err := a.Call(ctx, "b", "nobody:7410", kindEcho, nil); !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("nobody listens: %v", err)
		}
	})
}

// A pooled connection that the other side has lost costs nothing: the call is
// sent again on a new one. An answer that is lost half way is unknown.
func TestCallOverLostConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := peertest.NewSim()
		a, b := listen(t, sim, "a"), listen(t, sim, "b")
		b.Handle(kindEcho, echo)
		ctx := t.Context()
		if _, err := a.Call(ctx, "b", "b:7410", kindEcho, nil); err != nil {
			t.Fatal(err)
		}
		_ = b.Close()
		b = listen(t, sim, "b")
		b.Handle(kindEcho, echo)
		if _, err := a.Call(ctx, "b", "b:7410", kindEcho, nil); err != nil {
			t.Errorf("after a restart of the other side: %v", err)
		}
		time.Sleep(2 * time.Minute) // virtual
		if n := sim.Connections(); n != 0 {
			t.Errorf("%d idle connections after two minutes, want none", n)
		}

		b.Handle(2, func(context.Context, string, []byte) ([]byte, error) {
			sim.Break("a", "b")
			return nil, nil
		})
		if _, err := a.Call(ctx, "b", "b:7410", 2, nil); !errors.Is(err, firn.ErrUnknown) {
			t.Errorf("the answer is lost: %v, want unknown", err)
		}

		sim.Part("a", "b")
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if _, err := a.Call(short, "b", "b:7410", kindEcho, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("over a cut link: %v", err)
		}
		if _, err := a.Call(ctx, "b", "b:7410", kindEcho, nil); !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("over a cut link without a deadline: %v, want unavailable after the handshake's", err)
		}
		sim.Heal()
		if _, err := a.Call(ctx, "b", "b:7410", kindEcho, nil); err != nil {
			t.Errorf("after healing: %v", err)
		}
	})
}

func TestWhoMayTalk(t *testing.T) {
	identity := func(cluster, history firn.ID) func(*peer.Options) {
		return func(o *peer.Options) {
			o.Identity = func() peer.Identity { return peer.Identity{Cluster: cluster, History: history} }
		}
	}
	for _, c := range []struct {
		name   string
		caller func(*peer.Options)
		to     string
		want   firn.Kind // 0: accepted
		words  string
	}{
		{"the same", identity(clusterA, history1), "b", 0, ""},
		{"any node there", identity(clusterA, history1), "", 0, ""},
		{"a fresh node", identity(firn.ID{}, firn.ID{}), "b", 0, ""},
		{"no history yet", identity(clusterA, firn.ID{}), "b", 0, ""},
		{"no member, with the history", func(o *peer.Options) { o.Node = "lost" }, "b", 0, ""},
		{"no member, and no history yet", func(o *peer.Options) {
			o.Node, o.Identity = "lost", func() peer.Identity { return peer.Identity{Cluster: clusterA} }
		}, "b", firn.ErrForbidden, "node lost is no member"},
		{"another cluster", identity(clusterB, history1), "b", firn.ErrForbidden, "belongs to cluster 0a000000"},
		{"another history", identity(clusterA, history2), "b", firn.ErrOtherHistory, "follows history 01000000"},
		{"another node", identity(clusterA, history1), "c", firn.ErrInvalid, `this is node b, not "c"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := peertest.NewSim()
				a, b := listen(t, sim, "a", c.caller), listen(t, sim, "b", func(o *peer.Options) {
					o.Member = func(node string) bool { return node != "lost" }
				})
				b.Handle(kindEcho, echo)
				_, err := a.Call(t.Context(), c.to, "b:7410", kindEcho, nil)
				if c.want == 0 {
					if err != nil {
						t.Fatal(err)
					}
					return
				}
				if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.words) {
					t.Fatalf("%v, want kind %v with the words %q", err, c.want, c.words)
				}
			})
		})
	}
}

// Whatever comes in: the port answers in words or closes in time, keeps no
// goroutine, and serves the next caller.
func TestHostileBytes(t *testing.T) {
	hello := goodHello(t)
	flipped := bytes.Clone(hello)
	flipped[20] ^= 1
	call := func(header ...byte) []byte { return append(bytes.Clone(hello), header...) }
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string // in what comes back
	}{
		{"nothing", nil, ""},
		{"half a handshake", hello[:30], ""},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), "this is the port for other Firn nodes"},
		{"zeroes", make([]byte, 4096), "version 1, not 0"},
		{"a handshake of 64 KiB", []byte{1, 0xff, 0xff}, "a handshake of 65535 bytes"},
		{"a flipped bit", flipped, "checksum"},
		{"an unknown purpose", helloFor(t, 9), "purpose 9"},
		{"Raft where none runs", helloFor(t, 1), "not running"},
		{"a call of 4 GiB", call(1, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), "4294967295 bytes"},
		{"half a call", call(1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 5, 6), ""},
		{"a call of another version", call(7, 1, 0, 0, 0, 0, 0, 0, 0, 0), "version 7"},
		{"a call with a wrong checksum", call(1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4), "checksum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := peertest.NewSim()
				a, b := listen(t, sim, "a"), listen(t, sim, "b")
				b.Handle(kindEcho, echo)
				conn, err := sim.Host("x").Dial(t.Context(), "b:7410")
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if _, err := conn.Write(c.bytes); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				got, err := io.ReadAll(conn)
				if err != nil && !errors.Is(err, net.ErrClosed) {
					t.Logf("reading ended with %v", err)
				}
				if took := time.Since(start); took > 15*time.Second {
					t.Errorf("the port kept the connection for %v", took)
				}
				if !bytes.Contains(got, []byte(c.want)) {
					t.Errorf("answer %q, want it to contain %q", got, c.want)
				}
				if _, err := a.Call(t.Context(), "b", "b:7410", kindEcho, nil); err != nil {
					t.Errorf("the next caller: %v", err)
				}
			})
		})
	}
}

// One byte a second never gets through the handshake, and not through a call.
func TestSlowBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := peertest.NewSim()
		b := listen(t, sim, "b")
		b.Handle(kindEcho, echo)
		for _, prefix := range [][]byte{nil, goodHello(t)} {
			conn, err := sim.Host("x").Dial(t.Context(), "b:7410")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(prefix); err != nil {
				t.Fatal(err)
			}
			go io.Copy(io.Discard, conn)
			start := time.Now()
			for err == nil && time.Since(start) < time.Minute {
				_, err = conn.Write([]byte{1})
				time.Sleep(time.Second)
			}
			if took := time.Since(start); took > 12*time.Second {
				t.Errorf("after %d bytes at once, one byte a second was read for %v", len(prefix), took)
			}
			_ = conn.Close()
		}
	})
}

func TestTooManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := peertest.NewSim()
		a := listen(t, sim, "a")
		b := listen(t, sim, "b", func(o *peer.Options) { o.ConnectionsMax = 2 })
		b.Handle(kindEcho, echo)
		var conns []net.Conn
		for range 2 {
			conn, err := sim.Host("x").Dial(t.Context(), "b:7410")
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
		}
		synctest.Wait()
		if _, err := a.Call(t.Context(), "b", "b:7410", kindEcho, nil); !errors.Is(err, firn.ErrUnavailable) {
			t.Errorf("the third connection: %v, want unavailable", err)
		}
		for _, c := range conns {
			_ = c.Close()
		}
		synctest.Wait()
		if _, err := a.Call(t.Context(), "b", "b:7410", kindEcho, nil); err != nil {
			t.Errorf("after the others have gone: %v", err)
		}
	})
}
