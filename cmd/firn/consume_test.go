package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// consumer starts firn consume in a process of its own.
func (o *overTCP) consumer(stdout, stderr io.Writer, args ...string) *exec.Cmd {
	o.t.Helper()
	cmd := command(o.t, append([]string{"consume", "--addr", o.addr}, args...)...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		o.t.Fatal(err)
	}
	return cmd
}

// until waits until something is so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for begun := time.Now(); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Since(begun) > 2*time.Minute {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// TestConsumersAreKilled: consumers die in the middle of their work, again and
// again. Every event is handled in the end, each stream's in order.
func TestConsumersAreKilled(t *testing.T) {
	t.Parallel()
	o := startNodes(t, 1)
	o.want(0, "", "group", "create", "g", "--all", "--lease", "1m", "--max-attempts", "100", "--retry", "10ms..10ms")
	const streams, events = 5, 6
	for s := range streams {
		var lines strings.Builder
		for range events {
			lines.WriteString(`{"data":null}` + "\n")
		}
		if r := o.run(lines.String(), "append", fmt.Sprint("s-", s), "--stdin", "--type", "T"); r.status != exitDone {
			t.Fatal(r.err)
		}
	}
	log := filepath.Join(t.TempDir(), "log")
	handled := func() []string {
		b, _ := os.ReadFile(log)
		return strings.Fields(string(b))
	}
	run := `echo "$FIRN_STREAM/$FIRN_REVISION" >> ` + log
	for round := range 4 {
		first := o.consumer(nil, nil, "g", "--parallel", "2", "--exec", run)
		second := o.consumer(nil, nil, "g", "--exec", run)
		until(t, "the consumers get on", func() bool { return len(handled()) > 5*round })
		for _, cmd := range []*exec.Cmd{first, second} {
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	o.want(0, "", "consume", "g", "--until-caught-up", "--exec", run, "--timeout", "30s")
	o.want(0, `"parked":0}`, "wait", "g", "end")
	next := map[string]int{}
	for _, place := range handled() {
		stream, _, _ := strings.Cut(place, "/")
		switch n := next[stream]; {
		case place == fmt.Sprint(stream, "/", n):
			next[stream]++
		case place > fmt.Sprint(stream, "/", n): // all have one digit
			t.Errorf("%s was handled where %s/%d was next: %v", place, stream, n, handled())
		}
	}
	for s := range streams {
		if n := next[fmt.Sprint("s-", s)]; n != events {
			t.Errorf("%d events of stream s-%d were handled, of %d", n, s, events)
		}
	}
}

// TestConsumerStopsOnSIGTERM: what a consumer has begun is finished and counts,
// and the commands that it runs know nothing of the signal.
func TestConsumerStopsOnSIGTERM(t *testing.T) {
	t.Parallel()
	o := startNodes(t, 1)
	o.want(0, "", "group", "create", "g", "--all", "--lease", "1m")
	o.want(0, "", "append", "a", "--type", "T")
	o.want(0, "", "append", "b", "--type", "T")
	dir := t.TempDir()
	begun, release := filepath.Join(dir, "begun"), filepath.Join(dir, "release")
	// yes must be ended by its closed pipe, as in any shell.
	said := filepath.Join(dir, "said")
	file, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var printed bytes.Buffer
	cmd := o.consumer(&printed, file, "g", "--exec", "yes | head -n 1; touch "+begun+"; while ! test -e "+release+"; do sleep 0.01; done; echo finished $FIRN_STREAM")
	until(t, "the command has begun", func() bool { _, err := os.Stat(begun); return err == nil })
	cmd.Process.Signal(syscall.SIGTERM)
	const stopping = "firn: stopping, once what has begun is finished\n"
	until(t, "it has heard of the signal", func() bool { b, err := os.ReadFile(said); return err == nil && string(b) == stopping })
	if err := os.WriteFile(release, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || printed.String() != "y\nfinished a\n" {
		t.Errorf("after SIGTERM: %v; it printed\n%s", err, &printed)
	}
	if b, err := os.ReadFile(said); string(b) != stopping {
		t.Errorf("it said %q (%v)", b, err)
	}
	if r := o.run("", "consume", "g", "--until-caught-up"); strings.Count(r.out, "\n") != 1 || !strings.Contains(r.out, `"stream":"b"`) || !strings.Contains(r.out, `"attempt":1,`) {
		t.Errorf("left for others:\n%s%s", r.out, r.err)
	}
}

// receiver is a webhook that keeps what it was sent, and answers as status says.
type receiver struct {
	*httptest.Server
	status func(subject string) int

	mu   sync.Mutex
	sent []string // type and body
	head http.Header
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: func(string) int { return http.StatusNoContent }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sent = append(r.sent, string(body))
		r.head = req.Header
		w.WriteHeader(r.status(string(body)))
		io.WriteString(w, "no such customer\n")
	}))
	t.Cleanup(r.Close)
	return r
}

// TestConsumePosts: a webhook gets each event; what it refuses is parked, what it
// cannot take now comes again.
func TestConsumePosts(t *testing.T) {
	t.Parallel()
	o := startNodes(t, 1)
	hook := newReceiver(t)
	o.want(0, "", "group", "create", "g", "--all", "--retry", "1ms..1ms")
	for _, stream := range []string{"a", "bad", "c"} {
		o.want(0, "", "append", stream, "--type", "T", "--data", `{"n": 1.50}`)
	}
	failed := false
	hook.status = func(body string) int {
		switch {
		case strings.Contains(body, `"subject":"bad"`):
			return http.StatusUnprocessableEntity
		case strings.Contains(body, `"subject":"c"`) && !failed:
			failed = true
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
	secrets := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secrets, []byte("a secret of some length\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := o.run("", "consume", "g", "--post", hook.URL, "--until-caught-up", "--secret-file", secrets)
	if r.status != exitDone || !strings.Contains(r.err, "c revision 0 (position 4), attempt 1: HTTP 503 Service Unavailable: no such customer") {
		t.Errorf("exit %d\n%s", r.status, r.err)
	}
	o.want(0, `"reason":"HTTP 422 Unprocessable Entity: no such customer"`, "group", "parked", "g")
	if len(hook.sent) != 4 || !strings.Contains(hook.sent[0], `"data":{"n": 1.50}`) && !strings.Contains(hook.sent[0], `"data":{"n":1.50}`) {
		t.Errorf("sent were %q", hook.sent)
	}
	if h := hook.head; !strings.HasPrefix(h.Get("Webhook-Signature"), "v1,") || h.Get("Firn-Group") != "g" || h.Get("Firn-Attempt") != "2" {
		t.Errorf("the last request's headers are %v", hook.head)
	}
	o.want(exitUsage, "secret", "consume", "g", "--post", hook.URL, "--secret-file", os.DevNull)
	o.want(exitUsage, "no such file", "consume", "g", "--post", hook.URL, "--secret-file", secrets+"-none")
}

// TestConsumeFollowsTheLeader: leadership moves while commands are run; the
// consumer goes on, and every event is handled.
func TestConsumeFollowsTheLeader(t *testing.T) {
	t.Parallel()
	o := startNodes(t, 3)
	o.want(0, "", "group", "create", "g", "--all", "--retry", "1ms..1ms")
	consumed := make(chan result, 1)
	var lines strings.Builder
	const events = 200
	for i := range events {
		fmt.Fprintf(&lines, `{"stream":"s-%d","type":"T","data":%d}`+"\n", i%20, i)
	}
	if r := o.run(lines.String(), "append", "--stdin"); r.status != exitDone {
		t.Fatal(r.err)
	}
	go func() {
		consumed <- o.run("", "consume", "g", "--until-caught-up", "--parallel", "4", "--exec", "echo $FIRN_STREAM/$FIRN_REVISION; sleep 0.01", "--timeout", "30s")
	}()
	for range 2 {
		o.want(0, "transferred", "cluster", "transfer")
	}
	r := <-consumed
	if r.status != exitDone {
		t.Fatalf("exit %d\n%s", r.status, r.err)
	}
	handled := map[string]bool{}
	for _, place := range strings.Fields(r.out) {
		handled[place] = true
	}
	if len(handled) != events {
		t.Errorf("%d events were handled, of %d\n%s", len(handled), events, r.err)
	}
}
