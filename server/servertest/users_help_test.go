package servertest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/servertest"
)

// defineUser changes a user and returns the token that it gets.
func defineUser(t *testing.T, db *client.Client, name string, role firn.Role, streams ...string) (token string) {
	t.Helper()
	token = firn.NewToken()
	hash := firn.TokenHash(token)
	change := firn.UserChange{Role: role, Streams: &streams, Token: &hash}
	if _, err := db.Define(t.Context(), firn.UserDefinition, name, change.Source(), firn.Any); err != nil {
		t.Fatalf("the user %s: %v", name, err)
	}
	return token
}

// changeUser changes a user who is there.
func changeUser(t *testing.T, db *client.Client, name string, c firn.UserChange) {
	t.Helper()
	if _, err := db.Define(t.Context(), firn.UserDefinition, name, c.Source(), firn.Exists); err != nil {
		t.Fatalf("the user %s: %v", name, err)
	}
}

// removeUser removes a user.
func removeUser(t *testing.T, db *client.Client, name string) {
	t.Helper()
	if _, err := db.Define(t.Context(), firn.UserDefinition, name, nil, firn.Exists); err != nil {
		t.Fatalf("the user %s: %v", name, err)
	}
}

// as returns a client with a token.
func as(t *testing.T, addresses, token string) *client.Client {
	t.Helper()
	return servertest.Dial(t, addresses, client.Options{Token: token})
}

// put appends an event to each stream.
func put(t *testing.T, db *client.Client, streams ...string) {
	t.Helper()
	var writes []firn.Write
	for _, s := range streams {
		writes = append(writes, firn.To(s, firn.Any, firn.Draft{Type: "Put", Data: []byte(`{"n":1}`)}))
	}
	if _, err := db.Append(t.Context(), writes...); err != nil {
		t.Fatal(err)
	}
}

// answered is ask, again for as long as there is no leader: a busy machine loses
// one.
func answered(t *testing.T, url, head string) (*http.Response, string) {
	t.Helper()
	for {
		answer, text := ask(t, "GET", url, head, "")
		if answer.StatusCode != http.StatusServiceUnavailable {
			return answer, text
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// knock tries to connect, again for as long as nobody answers, and returns why it
// was refused.
func knock(t *testing.T, addresses string, o client.Options) error {
	t.Helper()
	for {
		db, err := client.Dial(t.Context(), addresses, o)
		if err == nil {
			db.Close()
		}
		if !errors.Is(err, firn.ErrUnavailable) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// hangs is after how long a test that waits for something gives up.
const hangs = 2 * time.Minute

// following is a subscription whose messages come on a channel; then its error.
type following struct {
	messages chan firn.Message
	ended    chan error
}

// follow subscribes until the test ends, and returns once it has caught up.
func follow(t *testing.T, db *client.Client, q firn.Query) *following {
	t.Helper()
	f := &following{messages: make(chan firn.Message, 1024), ended: make(chan error, 1)}
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	t.Cleanup(cancel)
	caughtUp := make(chan struct{})
	go func() {
		begun := false
		for m, err := range db.Subscribe(ctx, q) {
			if err != nil {
				f.ended <- err
				return
			}
			if m.Mark != nil && m.Mark.Kind == firn.CaughtUp && !begun {
				begun = true
				close(caughtUp)
			}
			f.messages <- m
		}
	}()
	select {
	case <-caughtUp:
	case err := <-f.ended:
		t.Fatal(err)
	case <-ctx.Done():
		t.Fatal("it does not catch up")
	}
	return f
}

// event returns the next event.
func (f *following) event(t *testing.T) firn.Event {
	t.Helper()
	for {
		select {
		case m := <-f.messages:
			if m.Mark == nil {
				return m.Event
			}
		case err := <-f.ended:
			t.Fatal(err)
		}
	}
}

// wantEnd waits until the subscription ends with an error of a kind.
func (f *following) wantEnd(t *testing.T, kind firn.Kind) {
	t.Helper()
	if err := <-f.ended; !errors.Is(err, kind) {
		t.Errorf("it ended with %v, want %v", err, kind)
	}
}

func wantKind(t *testing.T, what string, err error, kind firn.Kind) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}
