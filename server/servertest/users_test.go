package servertest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

// TestTheFirstUserClosesTheDoors: the first user must be an admin; from then on
// nobody else may do anything, and what went on before is cut off.
func TestTheFirstUserClosesTheDoors(t *testing.T) {
	t.Parallel()
	c := calm(t)
	open := c.Dial()
	put(t, open, "order-1")
	if status, err := open.Status(t.Context(), ""); err != nil || status.Access != "open" {
		t.Errorf("before the first user the status is %+v, %v", status, err)
	}
	over := follow(t, open, firn.Query{All: true})
	w := firn.UserChange{Role: firn.RoleWrite}
	_, err := open.Define(t.Context(), firn.UserDefinition, "ann", w.Source(), firn.Any)
	wantKind(t, "a first user who is no admin", err, firn.ErrInvalid)
	put(t, open, "order-1")

	token := defineUser(t, open, "ann", firn.RoleAdmin)
	over.wantEnd(t, firn.ErrUnauthenticated)
	_, err = open.Append(t.Context(), firn.To("order-1", firn.Any, draft()))
	wantKind(t, "an append on a connection from before", err, firn.ErrUnauthenticated)
	for i := range 3 {
		// The first one waits until the node knows of the user.
		for _, path := range []string{"/streams/order-1", "/all?local", "/metrics"} {
			if answer, _ := answered(t, "http://"+c.HTTP(i)+path, ""); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("node %d answers %s with %d", i, path, answer.StatusCode)
			}
		}
	}
	err = knock(t, c.Addresses, client.Options{Timeout: time.Second})
	wantKind(t, "a connection without a token", err, firn.ErrUnauthenticated)

	ann := as(t, c.Addresses, token)
	if status, err := ann.Status(t.Context(), ""); err != nil || status.Access != "users" {
		t.Errorf("with a user the status is %+v, %v", status, err)
	}
	put(t, ann, "order-1")
	for e, err := range ann.Read(t.Context(), firn.Query{Stream: "order-1", Backwards: true, Limit: 1}) {
		if err != nil || e.Actor != "ann" {
			t.Errorf("the event's actor is %q, %v", e.Actor, err)
		}
	}
	_, err = ann.Define(t.Context(), firn.UserDefinition, "ann", nil, firn.Any)
	wantKind(t, "removing the only admin", err, firn.ErrInvalid)
	r := firn.UserChange{Role: firn.RoleRead}
	_, err = ann.Define(t.Context(), firn.UserDefinition, "ann", r.Source(), firn.Any)
	wantKind(t, "demoting the only admin", err, firn.ErrInvalid)
	var authors []string
	for e, err := range ann.Read(t.Context(), firn.Query{Stream: firn.DefinitionsStream}) {
		if err != nil {
			t.Fatal(err)
		}
		authors = append(authors, e.Type+" by "+e.Actor)
	}
	if want := []string{"$user-defined by "}; !slices.Equal(authors, want) {
		t.Errorf("the users' events are %q, want %q", authors, want)
	}
}

// TestRulesChange: what goes on is cut off when a rule takes it away, and only
// then.
func TestRulesChange(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 1)
	open := c.Dial()
	boss := as(t, c.Addresses, defineUser(t, open, "boss", firn.RoleAdmin))
	put(t, boss, "order-1", "cart-1")
	if _, err := boss.CreateGroup(t.Context(), firn.Group{Name: "mail", Category: "order", From: firn.EndPoint()}); err != nil {
		t.Fatal(err)
	}
	token := defineUser(t, boss, "ann", firn.RoleWrite, "order-")
	ann, bob := as(t, c.Addresses, token), as(t, c.Addresses, defineUser(t, boss, "bob", firn.RoleRead))
	anns, bobs, all := follow(t, ann, firn.Query{Category: "order"}), follow(t, bob, firn.Query{All: true}), follow(t, ann, firn.Query{All: true})
	consumer, err := ann.Consume(t.Context(), "mail", 1)
	if err != nil {
		t.Fatal(err)
	}
	consumed := make(chan error, 1)
	go func() {
		for _, err := range consumer.Deliveries(t.Context()) {
			consumed <- err
			return
		}
		consumed <- nil
	}()
	for _, s := range []string{"order-1"} {
		if e := all.event(t); e.Stream != s {
			t.Errorf("who sees only orders is sent %s", e.Stream)
		}
	}

	sse, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+c.HTTP(0)+"/categories/order", nil)
	if err != nil {
		t.Fatal(err)
	}
	sse.Header = http.Header{"Accept": {"text/event-stream"}, "Authorization": {"Bearer " + token}}
	web, err := http.DefaultClient.Do(sse)
	if err != nil || web.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", web, err)
	}
	defer web.Body.Close()

	// A new token changes no right, and the old one still holds for a while.
	hash := firn.TokenHash(firn.NewToken())
	changeUser(t, boss, "ann", firn.UserChange{Token: &hash, Overlap: time.Hour})
	put(t, boss, "plain", "cart-1")
	for range 2 { // the first two are from before
		bobs.event(t)
	}
	if e := bobs.event(t); e.Stream != "plain" {
		t.Errorf("who sees everything is sent %s", e.Stream)
	}
	if len(anns.ended)+len(all.ended)+len(consumed) > 0 {
		t.Error("a new token has cut something off")
	}

	cart := []string{"cart-"}
	changeUser(t, boss, "ann", firn.UserChange{Streams: &cart})
	anns.wantEnd(t, firn.ErrForbidden)
	all.wantEnd(t, firn.ErrForbidden)
	if err := <-consumed; !errors.Is(err, firn.ErrForbidden) {
		t.Errorf("the consumer ended with %v", err)
	}
	if err := consumer.Close(); err != nil {
		t.Error(err)
	}
	if text, err := io.ReadAll(web.Body); err != nil || !strings.Contains(string(text), "event: failure\ndata: {\"error\":{\"kind\":\"forbidden\"") {
		t.Errorf("over HTTP it ended with %v %s", err, text)
	}
	for e, err := range ann.Read(t.Context(), firn.Query{All: true}) {
		if err != nil || e.Stream != "cart-1" {
			t.Errorf("by the new rule ann reads %s, %v", e.Stream, err)
		}
	}

	removeUser(t, boss, "bob")
	bobs.wantEnd(t, firn.ErrUnauthenticated)
	_, err = bob.Stream(t.Context(), "order-1", firn.Point{})
	wantKind(t, "a call of who was removed", err, firn.ErrUnauthenticated)
}

// TestTokensEnd: a token ends when another takes its place, after the overlap,
// and cuts off what goes on by it.
func TestTokensEnd(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 1)
	open := c.Dial()
	token := defineUser(t, open, "ann", firn.RoleAdmin)
	ann := as(t, c.Addresses, token)
	put(t, ann, "order-1")
	going := follow(t, ann, firn.Query{All: true})
	next := firn.NewToken()
	hash := firn.TokenHash(next)
	changeUser(t, ann, "ann", firn.UserChange{Token: &hash, Overlap: time.Second})
	put(t, as(t, c.Addresses, next), "order-1")
	going.wantEnd(t, firn.ErrUnauthenticated)
	err := knock(t, c.Addresses, client.Options{Token: token, Timeout: time.Second})
	wantKind(t, "a connection with the old token", err, firn.ErrUnauthenticated)

	// Without an overlap at once.
	last := firn.TokenHash(firn.NewToken())
	now := as(t, c.Addresses, next)
	changeUser(t, now, "ann", firn.UserChange{Token: &last})
	_, err = now.Append(t.Context(), firn.To("order-1", firn.Any, draft()))
	wantKind(t, "an append with a token that was replaced", err, firn.ErrUnauthenticated)
}

// TestKnownEverywhere: who was added is known to each node from the moment at which
// that is acknowledged, and who was removed is refused, where the call is
// linearizable.
func TestKnownEverywhere(t *testing.T) {
	t.Parallel()
	c := calm(t)
	open := c.Dial()
	boss := as(t, c.Addresses, defineUser(t, open, "boss", firn.RoleAdmin))
	put(t, boss, "order-1")
	for range 5 {
		token := defineUser(t, boss, "ann", firn.RoleRead)
		for i := range 3 {
			if answer, text := answered(t, "http://"+c.HTTP(i)+"/streams/order-1", "Authorization: Bearer "+token); answer.StatusCode != http.StatusOK {
				t.Errorf("node %d answers who was added with %d %s", i, answer.StatusCode, text)
			}
		}
		removeUser(t, boss, "ann")
		for i := range 3 {
			if answer, text := answered(t, "http://"+c.HTTP(i)+"/streams/order-1", "Authorization: Bearer "+token); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("node %d answers who was removed with %d %s", i, answer.StatusCode, text)
			}
		}
	}
}

// TestUsersSurvive: users are there after a change of leaders, after a restart of
// all nodes, and on a node that was set up from an image.
func TestUsersSurvive(t *testing.T) {
	t.Parallel()
	c := servertest.StartWith(t, 3, func(_ int, c *server.Config) { shortLog(c) })
	open := c.Dial()
	token := defineUser(t, open, "boss", firn.RoleAdmin)
	boss := as(t, c.Addresses, token)
	order := defineUser(t, boss, "ann", firn.RoleRead, "order-")
	put(t, boss, "order-1", "cart-1")
	check := func(when string) {
		t.Helper()
		for i := range 3 {
			orders := []string{}
			for e, err := range as(t, c.Address(i), order).Read(t.Context(), firn.Query{All: true, Consistency: firn.Consistency{AtLeast: 4}}) {
				if err != nil {
					t.Fatalf("%s, node %d: %v", when, i, err)
				}
				orders = append(orders, e.Stream)
			}
			if !slices.Equal(orders, []string{"order-1"}) {
				t.Errorf("%s, node %d: ann reads %v", when, i, orders)
			}
			if answer, _ := answered(t, "http://"+c.HTTP(i)+"/all", ""); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s, node %d answers nobody in particular with %d", when, i, answer.StatusCode)
			}
		}
	}
	check("at first")
	for boss.Transfer(t.Context(), "") != nil { // nobody may be up to it just now
		time.Sleep(20 * time.Millisecond)
	}
	c.AwaitReady()
	check("under another leader")
	for i := range 3 {
		c.Stop(i)
	}
	for i := range 3 {
		c.Run(i)
	}
	c.AwaitReady()
	check("after a restart")
}

// TestRequiredUsers: a node that takes users only lets nobody in before there is
// one, apart from who has the token that it was started with.
func TestRequiredUsers(t *testing.T) {
	t.Parallel()
	token := firn.NewToken()
	c := servertest.StartWith(t, 1, func(_ int, c *server.Config) { c.RequireUsers, c.AdminToken = true, token })
	err := knock(t, c.Addresses, client.Options{Timeout: time.Second})
	wantKind(t, "a connection without a token", err, firn.ErrUnauthenticated)
	operator := as(t, c.Addresses, token)
	boss := as(t, c.Addresses, defineUser(t, operator, "boss", firn.RoleAdmin))
	put(t, boss, "order-1")
	put(t, operator, "order-1") // as long as the node has the token, for when no other is left
	for e, err := range boss.Read(t.Context(), firn.Query{Stream: firn.DefinitionsStream}) {
		if err != nil || e.Actor != "$operator" {
			t.Errorf("the first user was added by %q, %v", e.Actor, err)
		}
	}
}

// TestTheSameChangeAgain: a change with the id of an earlier one changes nothing
// more, also where the token's end was reckoned from another moment.
func TestTheSameChangeAgain(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 1)
	open := c.Dial()
	boss := as(t, c.Addresses, defineUser(t, open, "boss", firn.RoleAdmin))
	hash := firn.TokenHash(firn.NewToken())
	add := firn.UserChange{Role: firn.RoleRead, Token: &hash}
	again := func(id firn.ID, c firn.UserChange, expect firn.Expectation, version uint64) {
		t.Helper()
		for range 2 {
			d, err := boss.DefineWithID(t.Context(), id, firn.UserDefinition, "ann", c.Source(), expect)
			if err != nil || d.Version != version {
				t.Errorf("version %d, %v; want %d", d.Version, err, version)
			}
			if strings.Contains(string(d.Source), "sha256") {
				t.Errorf("the answer has a token's hash: %s", d.Source)
			}
		}
	}
	again(firn.NewID(), add, firn.None, 1)
	other := firn.TokenHash(firn.NewToken())
	again(firn.NewID(), firn.UserChange{Token: &other, Overlap: time.Hour}, firn.Exists, 2)
	again(firn.NewID(), firn.UserChange{Role: firn.RoleWrite}, firn.Exists, 3)
	all, err := boss.DefinitionVersions(t.Context(), firn.UserDefinition, "ann")
	if err != nil || len(all) != 3 {
		t.Fatalf("%d versions, %v", len(all), err)
	}
	ann, err := firn.ParseUser(&all[2])
	if err != nil || ann.Role != firn.RoleWrite || len(ann.Tokens) != 2 || !ann.Tokens[0].Until.IsZero() || ann.Tokens[1].Until.IsZero() {
		t.Errorf("%+v, %v", ann, err)
	}
	_, err = boss.Define(t.Context(), firn.UserDefinition, "bob", []byte(`{"role":"read","sterams":["order-"]}`), firn.Any)
	wantKind(t, "a rule that is misspelt", err, firn.ErrInvalid)
	_, err = boss.Define(t.Context(), firn.UserDefinition, "bob", []byte(`{"role":"admin","streams":["order-"]}`), firn.Any)
	wantKind(t, "an admin for some streams", err, firn.ErrInvalid)
	_, err = boss.Define(t.Context(), firn.UserDefinition, "bob", []byte(`{}`), firn.Any)
	wantKind(t, "a user without a role", err, firn.ErrInvalid)
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	for e, err := range boss.Read(ctx, firn.Query{Stream: firn.DefinitionsStream}) {
		if err != nil || strings.Contains(string(e.Data), "firn_") {
			t.Errorf("%s %v", e.Data, err)
		}
	}
}

// TestUsersByCertificate: with TLS a certificate is enough as long as there are no
// users; then it must be one's, or a token stands for it.
func TestUsersByCertificate(t *testing.T) {
	t.Parallel()
	authority := servertest.NewAuthority(t)
	authority.Node("n1")
	c := servertest.StartWith(t, 1, func(_ int, c *server.Config) { c.TLS = authority.Dir })
	by := func(name string) client.Options {
		return client.Options{TLS: authority.User(name), Timeout: time.Second}
	}
	anonymous := by("alice")
	anonymous.TLS = anonymous.TLS.Clone()
	anonymous.TLS.Certificates = nil
	anonymous.TLS.GetClientCertificate = nil
	err := knock(t, c.Addresses, anonymous)
	wantKind(t, "nobody in particular, without users", err, firn.ErrUnauthenticated)

	alice, carl := servertest.Dial(t, c.Addresses, by("alice")), servertest.Dial(t, c.Addresses, by("carl"))
	if status, err := carl.Status(t.Context(), ""); err != nil || status.Access != "certificates" {
		t.Errorf("without users the status is %+v, %v", status, err)
	}
	put(t, carl, "order-1")
	going, cut := follow(t, alice, firn.Query{All: true}), follow(t, carl, firn.Query{All: true})
	admin, reader := firn.UserChange{Role: firn.RoleAdmin}, firn.UserChange{Role: firn.RoleRead}
	if _, err := carl.Define(t.Context(), firn.UserDefinition, "alice", admin.Source(), firn.None); err != nil {
		t.Fatal(err)
	}
	cut.wantEnd(t, firn.ErrUnauthenticated)
	err = knock(t, c.Addresses, by("carl"))
	wantKind(t, "a certificate of nobody's", err, firn.ErrUnauthenticated)
	if _, err := alice.Define(t.Context(), firn.UserDefinition, "bob@shop", reader.Source(), firn.None); err != nil {
		t.Fatal(err)
	}
	bob := servertest.Dial(t, c.Addresses, by("bob@shop"))
	if _, err := bob.Stream(t.Context(), "order-1", firn.Point{}); err != nil {
		t.Error(err)
	}
	_, err = bob.Append(t.Context(), firn.To("order-1", firn.Any, draft()))
	wantKind(t, "an append by a reader", err, firn.ErrForbidden)
	anonymous.Token = defineUser(t, alice, "shop", firn.RoleWrite, "order-")
	put(t, servertest.Dial(t, c.Addresses, anonymous), "order-1")
	going.event(t) // alice may do what she could before
	if len(going.ended) > 0 {
		t.Errorf("what alice follows has ended: %v", <-going.ended)
	}
}
