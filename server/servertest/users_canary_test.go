package servertest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/check"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// TestNothingTellsSecrets: after calls that were answered and refused in many
// ways, no log, metric or error has a token in it, or what an event holds; and no
// file has a token.
func TestNothingTellsSecrets(t *testing.T) {
	t.Parallel()
	var log servertest.Log
	var dir string
	operator := firn.NewToken()
	c := servertest.StartWith(t, 1, func(_ int, c *server.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.RequireUsers, c.AdminToken = true, operator
		dir = c.Dir
	})
	const payload, meta = "canary-data-7d1", "canary-meta-7d1"
	boss := defineUser(t, as(t, c.Addresses, operator), "boss", firn.RoleAdmin)
	ann := defineUser(t, as(t, c.Addresses, boss), "ann", firn.RoleWrite, "order-")
	wrong := firn.NewToken()
	secrets := []string{operator, boss, ann, wrong, payload, meta}

	var told strings.Builder // errors and answers that are not events
	failed := func(err error) {
		if err != nil {
			told.WriteString(err.Error() + "\n")
		}
	}
	secret := firn.Draft{ID: firn.NewID(), Type: "Put", Data: []byte(`{"x":"` + payload + `"}`), Metadata: []byte(`{"y":"` + meta + `"}`)}
	other := secret
	other.Data = []byte(`{"x":"other ` + payload + `"}`)
	broken := firn.Draft{Type: strings.Repeat("x", 300), Data: secret.Data, Metadata: secret.Metadata}
	_, err := client.Dial(t.Context(), c.Addresses, client.Options{Token: wrong, Timeout: time.Second})
	failed(err)
	for _, token := range []string{boss, ann} {
		db := as(t, c.Addresses, token)
		for _, w := range []firn.Write{
			firn.To("order-1", firn.Any, secret), firn.To("order-1", firn.Any, other), firn.To("order-1", firn.None, draft(), secret),
			firn.To("cart-1", firn.Any, secret), firn.To("$definitions", firn.Any, secret), firn.To("order-1", firn.Any, broken),
			firn.To("order-1", firn.Any, secret, secret),
		} {
			_, err := db.Append(t.Context(), w)
			failed(err)
		}
		for _, q := range []firn.Query{{Stream: "order-1"}, {Stream: "cart-1"}, {All: true}, {All: true, System: true}, {Category: "cart"}} {
			for _, err := range db.Read(t.Context(), q) {
				failed(err)
			}
		}
		failed(db.SaveSnapshot(t.Context(), firn.Snapshot{Stream: "cart-1", Fold: "f", State: secret.Data}))
		_, err := db.Change(t.Context(), "cart-1", firn.Any, firn.Metadata{Data: secret.Metadata})
		failed(err)
		_, err = db.Define(t.Context(), firn.SchemaDefinition, "s", secret.Data, firn.Any)
		failed(err)
		status, err := db.Status(t.Context(), "")
		failed(err)
		told.WriteString(status.Nodes[0].ID)
		users, err := db.Definitions(t.Context(), firn.UserDefinition, firn.Point{})
		failed(err)
		for i := range users {
			told.Write(users[i].Source)
		}
	}
	for _, token := range []string{"", wrong, ann, boss} {
		head := "Content-Type: application/json"
		if token != "" {
			head += "\nAuthorization: Bearer " + token
		}
		for _, path := range []string{"/streams/order-1?type=Put", "/streams/cart-1?type=Put", "/streams/order-1?type=" + strings.Repeat("x", 300), "/streams/order-1?type=Put&token=1"} {
			_, text := ask(t, "POST", "http://"+c.HTTP(0)+path, head, string(secret.Data))
			told.WriteString(text)
		}
	}
	_, text := ask(t, "POST", "http://"+c.HTTP(0)+"/streams/order-1?type=Put", "Authorization: Basic "+wrong, "")
	told.WriteString(text)
	_, text = ask(t, "GET", "http://"+c.HTTP(0)+"/metrics", "Authorization: Bearer "+boss, "")
	if !strings.Contains(text, `firn_refused_total{kind="forbidden"}`) || !strings.Contains(text, `firn_refused_total{kind="unauthenticated"}`) {
		t.Error("the metrics do not count what was refused")
	}
	told.WriteString(text)
	c.Stop(0)
	if !strings.Contains(log.String(), "msg=refused") {
		t.Error("the log does not tell of what was refused")
	}
	if told.Len() < 1000 {
		t.Errorf("only %d bytes were told", told.Len())
	}
	for _, s := range secrets {
		if strings.Contains(log.String(), s) {
			t.Errorf("the log has %q in it", s)
		}
		if strings.Contains(told.String(), s) {
			t.Errorf("an error or a metric has %q in it", s)
		}
	}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, token := range secrets[:4] {
			if bytes.Contains(content, []byte(token)) {
				t.Errorf("%s has a token in it", path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	dumped := servertest.Firn(t, "", "dump", dir, "--whole")
	dumped.Want(t, 0, payload, `class="user" name="ann"`, `"sha256":"…"`)
	for _, token := range secrets[:4] {
		if hash := sha256.Sum256([]byte(token)); strings.Contains(dumped.Out, token) || strings.Contains(dumped.Out, hex.EncodeToString(hash[:])) {
			t.Error("a dump has a token or its hash in it")
		}
	}
}

// TestUsersComeWithAnImage: a node that was away when users were added, and is
// set up from an image, knows them.
func TestUsersComeWithAnImage(t *testing.T) {
	t.Parallel()
	p := servertest.SpawnWith(t, 3, shortLog)
	open := p.Dial()
	away := (p.Leader(t.Context(), open) + 1) % 3
	p.Kill(away)
	boss := p.DialWith(client.Options{Token: defineUser(t, open, "boss", firn.RoleAdmin)})
	ann := defineUser(t, boss, "ann", firn.RoleRead, "order-")
	put(t, boss, "order-1", "cart-1")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // the log is shortened as it grows
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_, err := boss.Append(t.Context(), firn.To("plain", firn.Any, draft()))
				if err != nil && t.Context().Err() == nil && !errors.Is(err, firn.ErrUnknown) {
					t.Errorf("appending beside it: %v", err)
					return
				}
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	var ledger check.Ledger
	forget(t, p, boss, &ledger, (away+1)%3, (away+2)%3)
	p.Run(away)
	p.AwaitLog(away, imageWords, func(log string) bool { return strings.Contains(log, imageWords) })
	for answered := false; !answered; { // its HTTP port is opened last, and it has to hear of the log's end
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.HTTP(away)+"/all", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+ann)
		if answer, err := http.DefaultClient.Do(r); err == nil {
			text, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			answered = err == nil && answer.StatusCode == http.StatusOK
			if answered && (!strings.Contains(string(text), `"order-1"`) || strings.Contains(string(text), `"cart-1"`)) {
				t.Errorf("ann reads %s", text)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	if answer, text := ask(t, "GET", "http://"+p.HTTP(away)+"/all?local", "", ""); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody in particular is answered with %d %s", answer.StatusCode, text)
	}
}

// TestUsersAreKnownAfterAKill: a node that is killed behind the change by which
// there are users, and has nobody to tell it of the log's end, goes by them.
func TestUsersAreKnownAfterAKill(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 3)
	open := p.Dial()
	put(t, open, "order-1")
	defineUser(t, open, "boss", firn.RoleAdmin)
	const words = "access: nobody is let in"
	p.AwaitLog(0, words, func(log string) bool { return strings.Contains(log, words) })
	p.KillAll()
	p.Run(0)
	for {
		answer, err := http.Get("http://" + p.HTTP(0) + "/all?local")
		if err != nil { // its HTTP port is opened last
			time.Sleep(20 * time.Millisecond)
			continue
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("it answers nobody in particular with %d", answer.StatusCode)
		}
		return
	}
}
