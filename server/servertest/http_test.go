package servertest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/firndb/firn/server/servertest"
)

// ask sends a request and returns what it was answered. head holds lines of its
// header. It follows redirects.
func ask(t *testing.T, method, url, head, body string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// TestHTTP appends on any node of a cluster, reads on any other what was
// appended, and gets the same answers as over TCP.
func TestHTTP(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 3)
	const json = "Content-Type: application/json\n"
	tag := ""
	for i := range 3 {
		expect := `If-Match: ` + tag
		if i == 0 {
			expect = "If-None-Match: *"
		}
		done, text := ask(t, "POST", "http://"+c.HTTP(i)+"/streams/order-42?type=OrderPlaced", json+expect, `{"n":1.50}`)
		if done.StatusCode != http.StatusCreated {
			t.Fatalf("node %d: %d %s", i, done.StatusCode, text)
		}
		tag = done.Header.Get("ETag")
		read, text := ask(t, "GET", "http://"+c.HTTP((i+1)%3)+"/streams/order-42", "", "")
		if n := strings.Count(text, `"data":{"n":1.50}`); n != i+1 || read.Header.Get("ETag") != tag {
			t.Errorf("after %d appends there are %d events and the tag %s, want %s", i+1, n, read.Header.Get("ETag"), tag)
		}
	}
	refused, text := ask(t, "POST", "http://"+c.HTTP(0)+"/streams/order-42?type=OrderPlaced", json+`If-Match: "0"`, `{}`)
	if refused.StatusCode != http.StatusConflict || !strings.Contains(text, `"expected":0,"actual":2`) {
		t.Errorf("%d %s", refused.StatusCode, text)
	}
	_, text = ask(t, "GET", "http://"+c.HTTP(1)+"/all?at=1h", "", "")
	if !strings.Contains(text, `"kind":"before-store"`) {
		t.Errorf("an hour ago there was %s", text)
	}
	at, _ := ask(t, "GET", "http://"+c.HTTP(1)+"/categories/order?at=2", "", "")
	if at.Header.Get("Firn-Position") != "2" || at.Header.Get("Firn-Open") != "false" {
		t.Errorf("%v", at.Header)
	}
	local, text := ask(t, "GET", "http://"+c.HTTP(2)+"/all?wait-for=3", "", "")
	if n := strings.Count(text, "\n"); local.StatusCode != http.StatusOK || n != 3 {
		t.Errorf("%d %s", local.StatusCode, text)
	}
}

// TestHTTPWithoutALeader answers that nothing was done, and local reads.
func TestHTTPWithoutALeader(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 3)
	if done, text := ask(t, "POST", "http://"+c.HTTP(0)+"/streams/a-1?type=T", "Content-Type: application/json", "1"); done.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", done.StatusCode, text)
	}
	ask(t, "GET", "http://"+c.HTTP(2)+"/all?wait-for=1", "", "") // it has the event
	c.Stop(0)
	c.Stop(1)
	for _, url := range []string{"/streams/a-1?timeout=2s", "/all?timeout=2s"} {
		if answer, text := ask(t, "GET", "http://"+c.HTTP(2)+url, "", ""); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, `"retry":"safe"`) {
			t.Errorf("%s: %d %s", url, answer.StatusCode, text)
		}
	}
	if read, text := ask(t, "GET", "http://"+c.HTTP(2)+"/streams/a-1?local", "", ""); read.StatusCode != http.StatusOK || read.Header.Get("ETag") != `"0"` {
		t.Errorf("%d %s", read.StatusCode, text)
	}
}
