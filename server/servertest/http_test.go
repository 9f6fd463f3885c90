package servertest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
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
	c := calm(t)
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
	c := calm(t)
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

// TestFollowOverHTTP follows everything at one node, which is stopped and
// started again, as a browser would: with the id that it saw last. No event is
// missed or seen twice.
func TestFollowOverHTTP(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 3)
	const events = 60
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := make(chan string, events)
	go func() {
		lastID := ""
		for ctx.Err() == nil {
			lastID = followOnce(ctx, "http://"+c.HTTP(1)+"/categories/order?local", lastID, seen)
		}
	}()
	done := make(chan error, 1)
	db := c.Dial()
	go func() {
		for i := range events {
			draft := firn.Draft{Type: "T", Data: fmt.Appendf(nil, "%d", i)}
			writes := []firn.Write{firn.To("order-1", firn.Any, draft), firn.To("other-1", firn.Any, draft)}
			if _, err := db.Append(ctx, writes...); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for i := range events {
		if i == events/3 {
			c.Stop(1)
			c.Run(1)
		}
		select {
		case data := <-seen:
			if want := fmt.Sprintf(`"position":%d,`, 2*i+1); !strings.Contains(data, want) {
				t.Fatalf("event %d is %s", i, data)
			}
		case <-ctx.Done():
			t.Fatalf("event %d did not come", i)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// followOnce passes on the data of events until the connection ends, and returns
// the last id.
func followOnce(ctx context.Context, url, lastID string, seen chan<- string) string {
	r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Last-Event-ID", lastID)
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		time.Sleep(20 * time.Millisecond) // the node is away
		return lastID
	}
	defer answer.Body.Close()
	named, id := false, lastID
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "event":
			named = true
		case "id":
			id = value
		case "data":
			if !named {
				seen <- value
			}
		case "":
			named, lastID = false, id
		}
	}
	return lastID
}
