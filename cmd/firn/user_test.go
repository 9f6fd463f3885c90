package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firndb/firn"
)

// tokenOf is the token in what a command has printed.
func tokenOf(t *testing.T, r result) string {
	t.Helper()
	var shown struct{ Token string }
	if err := json.Unmarshal([]byte(r.out), &shown); err != nil || !strings.HasPrefix(shown.Token, "firn_") {
		t.Fatalf("exit %d, no token: %s%s", r.status, r.out, r.err)
	}
	return shown.Token
}

func TestUsers(t *testing.T) {
	o := startNodes(t, 1)
	o.want(exitDone, `"access":"open"`, "cluster", "status")
	o.want(exitUsage, "the first user must be an admin", "user", "add", "shop", "--role", "write")
	boss := []string{"--token", tokenOf(t, o.run("", "user", "add", "boss", "--role", "admin"))}
	as := func(words ...string) []string { return append(words, boss...) }
	o.want(exitForbidden, "this cluster asks who you are", "append", "order-1", "--type", "T")
	o.want(exitForbidden, "is not known here", "append", "order-1", "--type", "T", "--token", "guess")
	o.want(exitForbidden, `"kind":"unauthenticated"`, "user", "list", "-o", "json")
	o.want(exitDone, `"access":"users"`, as("cluster", "status")...)

	shop := tokenOf(t, o.run("", as("user", "add", "shop", "--role", "write", "--streams", "order-", "--streams", "cart-")...))
	file := filepath.Join(t.TempDir(), "shop.token")
	if err := os.WriteFile(file, []byte(shop+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.want(exitDone, `"stream":"order-1"`, "append", "order-1", "--type", "T", "--token-file", file)
	o.want(exitForbidden, `the user shop may not append to the stream "plain": it takes a rule for that stream, and the streams of shop begin with order-, cart-`, "append", "plain", "--type", "T", "--token-file", file)
	o.want(exitForbidden, "it takes the role admin, and shop has write", "user", "list", "--token-file", file)
	o.want(exitUsage, "give one", "streams", "--token-file", file, "--token", "x")
	o.want(exitUsage, "no such file", "streams", "--token-file", file+"s")

	o.want(exitConflict, "is there already", as("user", "add", "shop", "--role", "read")...)
	o.want(exitUsage, "an admin may do everything", as("user", "add", "a", "--role", "admin", "--streams", "x")...)
	o.want(exitUsage, `the role "owner"`, as("user", "add", "a", "--role", "owner")...)
	o.want(exitUsage, "is the system's", as("user", "add", "a", "--role", "read", "--streams", "$$x")...)
	o.want(exitUsage, "--role is missing", "user", "add", "a")
	o.want(exitUsage, "nothing is to change", "user", "update", "shop")
	o.want(exitUsage, "64 hexadecimal digits", "user", "rotate", "shop", "--token-sha256", "abc")
	o.want(exitUsage, "tokens overlap", "user", "rotate", "shop", "--overlap", "-1s")
	o.want(exitNotFound, "no user nobody", as("user", "rotate", "nobody")...)
	o.want(exitDone, `{"user":"shop","role":"write","streams":["order-","cart-"],"tokens":1,"version":1,`, as("user", "list")...)

	next := tokenOf(t, o.run("", as("user", "rotate", "shop", "--overlap", "1h")...))
	for _, token := range []string{shop, next} {
		o.want(exitDone, `"stream":"order-1"`, "read", "order-1", "--token", token)
	}
	shown := o.run("", as("user", "show", "shop")...)
	if shown.status != exitDone || strings.Count(shown.out, `"made":"2`) != 2 || strings.Count(shown.out, `"until":"2`) != 1 || strings.Contains(shown.out, "firn_") || strings.Contains(shown.out, "sha256") {
		t.Errorf("exit %d: %s", shown.status, shown.out)
	}
	o.want(exitDone, `"role":"write","streams":["order-"]`, as("user", "update", "shop", "--streams", "order-")...)
	o.want(exitDone, `"streams":null`, as("user", "update", "shop", "--all-streams", "--role", "read")...)
	o.want(exitForbidden, "it takes the role write", "append", "order-1", "--type", "T", "--token", next)
	o.want(exitDone, `"ended":true`, as("user", "remove", "shop")...)
	o.want(exitForbidden, "not known here", "read", "order-1", "--token", next)
	o.want(exitUsage, "is the only admin", as("user", "remove", "boss")...)
	versions := o.run("", as("user", "show", "shop", "--versions")...)
	if strings.Count(versions.out, "\n") != 5 || strings.Count(versions.out, `"actor":"boss"`) != 5 || strings.Count(versions.out, `"removed":true`) != 1 {
		t.Errorf("exit %d: %s%s", versions.status, versions.out, versions.err)
	}
	if r := o.run("", "user", "token"); r.status != exitDone || len(r.out) != len(firn.NewToken())+1 {
		t.Errorf("exit %d: %s", r.status, r.out)
	}
}

// TestAnUnknownUserCanBeRepeated holds that where the answer to a change is lost
// its token is shown, and is good once the command that is printed has repeated
// the change.
func TestAnUnknownUserCanBeRepeated(t *testing.T) {
	o := startNodes(t, 1)
	boss := tokenOf(t, o.run("", "user", "add", "boss", "--role", "admin"))
	var out, errs bytes.Buffer
	c := &console{in: strings.NewReader(""), out: &out, err: &errs, env: func(name string) string { return map[string]string{"FIRN_TOKEN": boss}[name] }}
	c.dial = func(ctx context.Context, _ string) (store, error) {
		db, err := c.dialCluster(ctx, o.addr)
		return losing{db}, err
	}
	status := run(t.Context(), []string{"user", "add", "shop", "--role", "write", "--streams", "it's-"}, c)
	_, repeat, found := strings.Cut(errs.String(), "This repeats it safely:\n  firn ")
	if status != exitUnknown || !found {
		t.Fatalf("exit %d: %s%s", status, &out, &errs)
	}
	shop := tokenOf(t, result{out: out.String()})
	repeat = strings.ReplaceAll(strings.TrimSpace(repeat), `'\''`, `'"'"'`) // as words understands it
	for range 2 {
		if r := o.run("", append(words(repeat), "--token", boss)...); r.status != exitDone || !strings.Contains(r.out, `"version":1`) || strings.Contains(r.out, "firn_") {
			t.Errorf("firn %s: exit %d: %s%s", repeat, r.status, r.out, r.err)
		}
	}
	o.want(exitDone, `"stream":"it's-1"`, "append", "it's-1", "--type", "T", "--token", shop)
}
