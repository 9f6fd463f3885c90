package servertest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/servertest"
)

// TestBadCalls gives the binary calls that cannot be served. Each gets its exit
// status and its words, writes nothing, and leaves the node as it was.
func TestBadCalls(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 1)
	db := p.Dial()
	firn := func(stdin string, args ...string) servertest.Ran {
		return servertest.Firn(t, stdin, append(args, "--addr", p.Addresses)...)
	}
	const id = "11111111-1111-4111-8111-111111111111"
	large := strings.Repeat("x", 5<<20)
	firn("", "append", "order-1", "--type", "T", "--data", `{"n":1}`, "--id", id).Want(t, 0)
	firn("", "append", "order-2", "--type", "T").Want(t, 0)
	events := headOf(t, db)
	for _, c := range []struct {
		name   string
		stdin  string
		args   []string
		status int
		words  []string
	}{
		{"an expectation that is not met", "", []string{"append", "order-1", "--type", "T", "--expect", "7"}, 3, []string{"expected revision 7", "at revision 0"}},
		{"no stream expected", "", []string{"append", "order-1", "--type", "T", "--expect", "none"}, 3, []string{"order-1"}},
		{"a stream that must exist", "", []string{"append", "order-9", "--type", "T", "--expect", "exists"}, 3, []string{"there is no such stream"}},
		{"an unknown stream", "", []string{"read", "order-9"}, 4, []string{`no stream "order-9"`}},
		{"the same id with other data", "", []string{"append", "order-1", "--type", "T", "--data", `{"n":2}`, "--id", id}, 3, []string{id, "position"}},
		{"an event of 5 MiB", `{"type":"T","data":"` + large + `"}`, []string{"append", "--stdin", "order-1"}, 2, []string{"4194304"}},
		{"a name of 600 bytes", "", []string{"append", strings.Repeat("n", 600), "--type", "T"}, 2, []string{"600 bytes", "512"}},
		{"a name of nothing", "", []string{"append", "", "--type", "T"}, 2, []string{"STREAM is missing"}},
		{"a name with NUL", `{"stream":"a\u0000b","type":"T","data":1}`, []string{"append", "--stdin"}, 2, []string{"control character at byte 1"}},
		{"a name that is not UTF-8", "", []string{"read", "a\xff"}, 2, []string{"UTF-8"}},
		{"data that is not JSON", "", []string{"append", "order-1", "--type", "T", "--data", `{"n":`}, 2, []string{"JSON"}},
		{"no type", "", []string{"append", "order-1"}, 2, []string{"--type"}},
		{"two streams, one of which is elsewhere",
			`{"stream":"order-1","type":"T","data":1,"expect":0}` + "\n" + `{"stream":"order-2","type":"T","data":1,"expect":5}`,
			[]string{"append", "--stdin"}, 3, []string{`"order-2"`, "expected revision 5", "at revision 0"}},
		{"4,097 events", strings.Repeat(`{"stream":"order-1","type":"T","data":1}`+"\n", 4097), []string{"append", "--stdin"}, 2, []string{"4096"}},
		{"a revision for everything", "", []string{"read", "--all", "--wait-for", "1", "--at", "tomorrow"}, 2, []string{"tomorrow"}},
		{"an address that is none", "", []string{"stats", "--addr", "nonsense"}, 2, []string{"host:port"}},
		{"an address where nobody is", "", []string{"append", "order-1", "--type", "T", "--timeout", "500ms", "--addr", "127.0.0.1:1"}, 5, []string{"127.0.0.1:1", "refused"}},
		{"the HTTP port", "", []string{"append", "order-1", "--type", "T", "--timeout", "500ms", "--addr", p.HTTP(0)}, 5, []string{p.HTTP(0)}},
		{"the peer port", "", []string{"append", "order-1", "--type", "T", "--timeout", "500ms", "--addr", p.Peer(0)}, 1, []string{p.Peer(0), "is this the right port?"}},
		{"an unknown command", "", []string{"aapend"}, 2, []string{"aapend"}},
		{"an unknown flag", "", []string{"read", "--al"}, 2, []string{"--al"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := servertest.Firn(t, c.stdin, append([]string{c.args[0], "--addr", p.Addresses}, c.args[1:]...)...)
			r.Want(t, c.status, c.words...)
			if head := headOf(t, db); head != events {
				t.Errorf("it has written something: the head went from %d to %d", events, head)
			}
		})
	}
	firn("", "append", "order-1", "--type", "T", "--expect", "0").Want(t, 0, `"first_revision":1`)
	firn("", "verify").Want(t, 0, `"ok":true`)
}

func headOf(t *testing.T, db *client.Client) firn.Position {
	t.Helper()
	head, _, err := db.Head(t.Context(), firn.Consistency{})
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// TestImportWithBadLines imports a file with lines that are none. Each is named
// with its number, and the others are imported.
func TestImportWithBadLines(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 1)
	var file strings.Builder
	const lines = 100
	bad := map[int]string{17: "{", 40: `{"type":"T"}`, 63: "\x00\x01\x02", 90: `[1,2,3]`}
	for i := 1; i <= lines; i++ {
		if text, ok := bad[i]; ok {
			fmt.Fprintln(&file, text)
			continue
		}
		fmt.Fprintf(&file, `{"specversion":"1.0","id":"e%d","source":"test","type":"T","subject":"order-%d","data":{"n":%d}}`+"\n", i, i%7, i)
	}
	path := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r := servertest.Firn(t, "", "import", path, "--addr", p.Addresses)
	r.Want(t, 1, path+":17: ", path+":40: ", path+":63: ", path+":90: ")
	servertest.Firn(t, "", "export", "--addr", p.Addresses).Want(t, 0, `"n":1}`, `"n":100}`)
	servertest.Firn(t, "", "stats", "--addr", p.Addresses).Want(t, 0, fmt.Sprintf(`"events":%d,`, lines-len(bad)))
}

// TestNoLeader kills two of three nodes. What is asked of the third is refused
// within its time, and was not done; what it has can be read.
func TestNoLeader(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	append1(t, db, "order-1")
	last := p.Leader(t.Context(), db)
	servertest.Agree(t, db, p.Nodes()...)
	p.Kill((last + 1) % 3)
	p.Kill((last + 2) % 3)
	left := servertest.Dial(t, p.Address(last), client.Options{})
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		status, err := left.Status(t.Context(), "")
		if err == nil && status.Leader == "" {
			t.Logf("it has stepped down after %v", time.Since(start).Round(time.Millisecond))
			break
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("a leader without a majority remains one: %+v, %v", status, err)
		}
	}
	var asked sync.WaitGroup
	for _, addresses := range []string{p.Addresses, p.Address(last)} {
		for _, args := range [][]string{{"append", "order-1", "--type", "Refused"}, {"read", "order-1"}, {"delete", "order-1"}} {
			asked.Go(func() {
				start := time.Now()
				r := servertest.Firn(t, "", append(args, "--addr", addresses, "--timeout", "2s")...)
				if took := time.Since(start); took > time.Minute {
					t.Errorf("firn %v took %v with a timeout of 2 s", args, took)
				}
				for r.Status == 6 && time.Since(start) < time.Minute { // its time ended before the last attempt was answered
					r = servertest.Firn(t, "", append(args, "--addr", addresses, "--timeout", "2s")...)
				}
				r.Want(t, 5)
			})
		}
	}
	asked.Wait()
	servertest.Firn(t, "", "read", "order-1", "--local", "--addr", p.Address(last)).Want(t, 0, `"revision":0`)
	servertest.Firn(t, "", "cluster", "status", "--addr", p.Address(last)).Want(t, 0, `"leader":null`)
	p.Run((last + 1) % 3)
	log := servertest.Agree(t, p.Dial(), p.Nodes()...)
	if len(log) != 1 {
		t.Errorf("what was refused for want of a leader was done: %d events", len(log))
	}
}
