package servertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/server/servertest"
	"github.com/firndb/firn/server/wire"
)

// caller is one of those who call, with what it may do by the rules that
// docs/users.md tells.
type caller struct {
	name    string
	known   bool
	role    firn.Role
	streams []string
	token   string
}

func callers() []*caller {
	return []*caller{
		{name: "nobody"},
		{name: "stranger", token: firn.NewToken()},
		{name: "reader", known: true, role: firn.RoleRead},
		{name: "writer", known: true, role: firn.RoleWrite},
		{name: "order-reader", known: true, role: firn.RoleRead, streams: []string{"order-"}},
		{name: "order-writer", known: true, role: firn.RoleWrite, streams: []string{"order-"}},
		{name: "cart-reader", known: true, role: firn.RoleRead, streams: []string{"cart-", "other-"}},
		{name: "cart-writer", known: true, role: firn.RoleWrite, streams: []string{"cart-", "other-"}},
		{name: "boss", known: true, role: firn.RoleAdmin},
	}
}

// sees reports whether a rule of the caller covers a stream.
func (c *caller) sees(stream string) bool {
	return len(c.streams) == 0 || slices.ContainsFunc(c.streams, func(p string) bool { return strings.HasPrefix(stream, p) })
}

// reach is what of the store an operation concerns.
type reach int

const (
	onNothing  reach = iota // no stream
	onStream                // order-1
	onBatch                 // order-1 and cart-1, at once
	onCategory              // the category order, as far as the caller sees it; who sees none of it is refused
	onVisible               // all streams, as far as the caller sees them
	onWhole                 // all streams
	onSystem                // a stream of the system that is for admins
	onGroup                 // a group that follows the category order: for others it is not there
)

// operation is a row of the table.
type operation struct {
	name string
	is   []wire.Kind // of the wire
	http string      // or a route: method and path
	role firn.Role   // that it takes; 0: none, everybody may
	of   reach

	// do does it on behalf of a caller, and tells of which streams it has seen
	// something.
	do func(o *doing) (seen []string, err error)
}

// doing is what an operation is done with.
type doing struct {
	ctx   context.Context
	db    *client.Client // the caller's
	boss  *client.Client
	http  string // address
	token string
	group string // follows the category order, and is this operation's own
	t     *testing.T
}

// want is what the rules say of an operation: the kind of the refusal, 0 for none.
func (o *operation) want(c *caller) firn.Kind {
	allowed := true
	switch o.of {
	case onStream:
		allowed = c.sees("order-1")
	case onBatch:
		allowed = c.sees("order-1") && c.sees("cart-1")
	case onCategory:
		allowed = c.sees("order-")
	case onWhole:
		allowed = len(c.streams) == 0
	case onSystem:
		allowed = c.role == firn.RoleAdmin
	}
	switch {
	case o.role == 0:
		return 0
	case !c.known:
		return firn.ErrUnauthenticated
	case c.role < o.role || !allowed:
		return firn.ErrForbidden
	case o.of == onGroup && !c.sees("order-"):
		return firn.ErrNotFound
	}
	return 0
}

// tableStreams are those of the table's store.
var tableStreams = []string{"cart-1", "order-1", "order-2", "plain"}

// wantSeen are the streams that a filtered operation tells of.
func (o *operation) wantSeen(c *caller) (seen []string) {
	for _, s := range tableStreams {
		if c.sees(s) && (o.of != onCategory || firn.Category(s) == "order") {
			seen = append(seen, s)
		}
	}
	return seen
}

// TestOperationsByRoleAndRule tries every operation of every door on behalf of
// callers of every sort, and holds what comes of it against the rules.
func TestOperationsByRoleAndRule(t *testing.T) {
	t.Parallel()
	c := servertest.Start(t, 1)
	all := callers()
	open := c.Dial()
	put(t, open, tableStreams...)
	for _, who := range slices.Backward(all) { // an admin comes first
		if who.known {
			db := open
			if boss := all[len(all)-1]; boss.token != "" {
				db = as(t, c.Addresses, boss.token)
			}
			who.token = defineUser(t, db, who.name, who.role, who.streams...)
		}
	}
	boss := as(t, c.Addresses, all[len(all)-1].token)
	rows := append(wireOperations(), httpOperations()...)
	complete(t, rows, c.HTTP(0))
	for i := range rows {
		o := &rows[i]
		for j, who := range all {
			name := o.name + " by " + who.name
			d := &doing{boss: boss, http: "http://" + c.HTTP(0), token: who.token, group: fmt.Sprintf("g-%d-%d", i, j), t: t}
			if o.of == onGroup {
				if _, err := boss.CreateGroup(t.Context(), firn.Group{Name: d.group, Category: "order"}); err != nil {
					t.Fatal(err)
				}
			}
			seen, err := o.try(t, d, c.Addresses)
			switch want := o.want(who); {
			case want != 0:
				if !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", name, err, want)
				}
				if len(seen) > 0 {
					t.Errorf("%s was refused, and has seen %v", name, seen)
				}
			case errors.Is(err, firn.ErrForbidden) || errors.Is(err, firn.ErrUnauthenticated):
				t.Errorf("%s: %v, and it may", name, err)
			case o.of == onVisible || o.of == onCategory && o.role == firn.RoleRead:
				if err != nil || !slices.Equal(seen, o.wantSeen(who)) {
					t.Errorf("%s has seen %v (%v), want %v", name, seen, err, o.wantSeen(who))
				}
			}
			if err != nil && strings.Contains(err.Error(), `{"n":1}`) {
				t.Errorf("%s: the error tells what the stream holds: %v", name, err)
			}
		}
	}
}

// try does an operation with a connection of its own.
func (o *operation) try(t *testing.T, d *doing, addresses string) (seen []string, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	d.ctx = ctx
	if o.http == "" {
		if d.db, err = client.Dial(ctx, addresses, client.Options{Token: d.token}); err != nil {
			return nil, err
		}
		defer d.db.Close()
	}
	seen, err = o.do(d)
	slices.Sort(seen)
	return slices.Compact(seen), err
}

// complete fails where an operation of a door has no row.
func complete(t *testing.T, rows []operation, address string) {
	t.Helper()
	// What the table does not try: the connection's own frames, and answers.
	tried := map[wire.Kind]bool{
		wire.KindHello: true, wire.KindPing: true, wire.KindPong: true, wire.KindGoodbye: true, wire.KindCancel: true, wire.KindCredit: true,
		wire.KindWelcome: true, wire.KindError: true, wire.KindEnd: true, wire.KindAppended: true, wire.KindEvents: true, wire.KindStreamInfo: true,
		wire.KindStreamList: true, wire.KindChanged: true, wire.KindHeadAt: true, wire.KindResolved: true, wire.KindStatsAre: true,
		wire.KindStatusIs: true, wire.KindDone: true, wire.KindProgress: true, wire.KindVerified: true, wire.KindCounted: true, wire.KindMarks: true,
		wire.KindGroupList: true, wire.KindGroupInfo: true, wire.KindDeliveries: true, wire.KindParkedList: true, wire.KindRewound: true,
		wire.KindLoaded: true, wire.KindDefined: true, wire.KindDefinitionList: true, wire.KindFaults: true, wire.KindStateIs: true,
		wire.KindBackupBegins: true, wire.KindScavenged: true, wire.KindBackupPart: true, wire.KindDiffIs: true, wire.KindBlameIs: true, wire.KindBisected: true,
	}
	routes := map[string]bool{}
	for i := range rows {
		for _, k := range rows[i].is {
			tried[k] = true
		}
		routes[rows[i].http] = true
	}
	for _, k := range wire.Kinds() {
		if !tried[k] {
			t.Errorf("the wire's %v has no row in the table of operations", k)
		}
	}
	var described struct {
		Paths map[string]map[string]json.RawMessage
	}
	_, text := ask(t, "GET", "http://"+address+"/openapi.json", "", "")
	if err := json.Unmarshal([]byte(text), &described); err != nil || len(described.Paths) == 0 {
		t.Fatalf("%v: %.200s", err, text)
	}
	for path, methods := range described.Paths {
		for method := range methods {
			if route := strings.ToUpper(method) + " " + path; method != "parameters" && !routes[route] {
				t.Errorf("%s has no row in the table of operations", route)
			}
		}
	}
}

// get sends a request with the caller's token and returns the lines of the
// answer. A refusal is its error.
func (d *doing) get(method, path, accept, body string) ([]string, error) {
	r, err := http.NewRequestWithContext(d.ctx, method, d.http+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if accept != "" && answer.StatusCode == http.StatusOK {
		return untilCaughtUp(answer.Body)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		if answer.Header.Get("WWW-Authenticate") == "" {
			return nil, errors.New("401 without WWW-Authenticate")
		}
		return nil, firn.Errorf(firn.ErrUnauthenticated, "%s", text)
	case http.StatusForbidden:
		return nil, firn.Errorf(firn.ErrForbidden, "%s", text)
	}
	if answer.StatusCode >= 300 {
		return nil, fmt.Errorf("%d %s", answer.StatusCode, text)
	}
	return strings.Split(string(text), "\n"), nil
}

// untilCaughtUp reads an event stream up to its first mark.
func untilCaughtUp(body io.Reader) (lines []string, err error) {
	var text strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(text.String(), "event: caught-up") {
		n, err := body.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			return nil, err
		}
	}
	for line := range strings.Lines(text.String()) {
		lines = append(lines, strings.TrimPrefix(line, "data: "))
	}
	return lines, nil
}

// streamsIn are the streams of the events in some lines.
func streamsIn(lines []string, err error) (seen []string, _ error) {
	for _, line := range lines {
		var e struct {
			Stream   string
			Revision *firn.Revision // which marks do not have
		}
		if json.Unmarshal([]byte(line), &e) == nil && e.Revision != nil {
			seen = append(seen, e.Stream)
		}
	}
	return seen, err
}

func httpOperations() []operation {
	get := func(path, accept string) func(*doing) ([]string, error) {
		return func(d *doing) ([]string, error) { return streamsIn(d.get("GET", path, accept, "")) }
	}
	quiet := func(path string) func(*doing) ([]string, error) {
		return func(d *doing) ([]string, error) { _, err := d.get("GET", path, "", ""); return nil, err }
	}
	const sse = "text/event-stream"
	return []operation{
		{name: "POST a stream", http: "POST /streams/{name}", role: firn.RoleWrite, of: onStream, do: func(d *doing) ([]string, error) {
			_, err := d.get("POST", "/streams/order-1?type=Put", "", `{"n":1}`)
			return nil, err
		}},
		{name: "GET a stream", http: "GET /streams/{name}", role: firn.RoleRead, of: onStream, do: get("/streams/order-1", "")},
		{name: "GET a stream that is not there", http: "GET /streams/{name}", role: firn.RoleRead, of: onStream, do: quiet("/streams/order-99")},
		{name: "follow a stream", http: "GET /streams/{name}", role: firn.RoleRead, of: onStream, do: get("/streams/order-1", sse)},
		{name: "GET all", http: "GET /all", role: firn.RoleRead, of: onVisible, do: get("/all", "")},
		{name: "GET all of the system", http: "GET /all", role: firn.RoleRead, of: onSystem, do: get("/all?system", "")},
		{name: "GET definitions", http: "GET /streams/{name}", role: firn.RoleRead, of: onSystem, do: get("/streams/$definitions", "")},
		{name: "follow all", http: "GET /all", role: firn.RoleRead, of: onVisible, do: get("/all", sse)},
		{name: "GET a category", http: "GET /categories/{category}", role: firn.RoleRead, of: onCategory, do: get("/categories/order", "")},
		{name: "follow a category", http: "GET /categories/{category}", role: firn.RoleRead, of: onCategory, do: get("/categories/order", sse)},
		{name: "GET metrics", http: "GET /metrics", role: firn.RoleRead, of: onWhole, do: quiet("/metrics")},
		{name: "GET profiles", http: "GET /debug/pprof/", role: firn.RoleAdmin, do: quiet("/debug/pprof/")},
		{name: "GET live", http: "GET /health/live", do: quiet("/health/live")},
		{name: "GET ready", http: "GET /health/ready", do: quiet("/health/ready")},
		{name: "GET openapi.json", http: "GET /openapi.json", do: quiet("/openapi.json")},
		{name: "GET openapi.yaml", http: "GET /openapi.yaml", do: quiet("/openapi.yaml")},
	}
}
