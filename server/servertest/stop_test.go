package servertest_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/servertest"
)

// TestStopWithoutAMajority stops the last of three nodes. There is nobody to
// hand anything to, and it ends all the same. Until then it says that it is
// alive and not ready.
func TestStopWithoutAMajority(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	last := p.Leader(t.Context(), p.Dial())
	if status, _ := health(t, p.HTTP(last), "ready"); status != http.StatusOK {
		t.Errorf("the leader's /health/ready is %d", status)
	}
	p.Kill((last + 1) % 3)
	p.Kill((last + 2) % 3)
	if status, body := health(t, p.HTTP(last), "ready"); status != http.StatusServiceUnavailable || !strings.HasPrefix(body, "not ready: ") {
		t.Errorf("without a majority /health/ready is %d: %s", status, body)
	}
	if status, _ := health(t, p.HTTP(last), "live"); status != http.StatusOK {
		t.Errorf("without a majority /health/live is %d", status)
	}
	if status, body := health(t, p.HTTP(last), "../metrics"); status != http.StatusOK || !strings.Contains(body, "firn_") {
		t.Errorf("without a majority /metrics is %d: %.200s", status, body)
	}
	start := time.Now()
	if status, log := p.Stop(last); status != 0 {
		t.Errorf("exit status %d\n%s", status, log)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it has taken %v to stop", took)
	}
}

func health(t *testing.T, address, what string) (status int, body string) {
	t.Helper()
	r, err := http.Get("http://" + address + "/health/" + what)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

// TestASilentHTTPConnection does not keep a leader from handing its leadership
// on before it stops.
func TestASilentHTTPConnection(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	db := p.Dial()
	leader := p.Leader(t.Context(), db)
	nc, err := net.Dial("tcp", p.HTTP(leader))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	rest := servertest.Dial(t, strings.Join(p.Nodes(leader), ","), client.Options{})
	stopped := make(chan int, 1)
	start := time.Now()
	go func() {
		status, _ := p.Stop(leader)
		stopped <- status
	}()
	next := leader
	for next == leader {
		next = p.Leader(t.Context(), rest)
	}
	handed := time.Since(start)
	append1(t, rest, "order-1")
	if status := <-stopped; status != 0 {
		t.Errorf("exit status %d", status)
	}
	t.Logf("handed on after %v, stopped after %v", handed.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
	if strings.Contains(p.Log(leader), "not handed on") {
		t.Error(p.Log(leader))
	}
}
