package web_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/internal/security"
	"github.com/firndb/firn/server/internal/web"
)

func TestHealthSaysWhyItIsNotReady(t *testing.T) {
	d := newDoor(t, web.Options{})
	for _, want := range []struct {
		trouble error
		status  int
		body    string
	}{
		{nil, 200, "ready\n"},
		{errors.New("there is no leader"), 503, "not ready: there is no leader\n"},
	} {
		d.backend.onReady = func() error { return want.trouble }
		if a := d.get("/health/ready").wants(t, want.status); a.body != want.body {
			t.Errorf("with %v: %q, want %q", want.trouble, a.body, want.body)
		}
		d.get("/health/live").wants(t, 200, "live")
	}
}

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMetricNamesAreDocumented holds the names that a node serves against the
// list in docs/operations.md, both ways.
func TestMetricNamesAreDocumented(t *testing.T) {
	d := newDoor(t, web.Options{})
	d.metrics.Appended(1, time.Millisecond, nil)
	d.metrics.Appended(1, time.Millisecond, firn.Errorf(firn.ErrConflict, "no"))
	d.metrics.Refused(firn.ErrForbidden)
	d.get("/streams/nothing").wants(t, 404)
	d.do("BREW", "/pot", "", "").wants(t, 404)
	body := d.get("/metrics").wants(t, 200, `firn_append_seconds_count{result="conflict"} 1`,
		`firn_http_requests_total{method="GET",route="/streams/{name}",status="404"} 1`,
		`firn_http_requests_total{method="other",route="other",status="404"} 1`,
		`firn_http_answer_seconds_count{route="/streams/{name}"} 1`).body
	var served, documented []string
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (firn_\w+)`).FindAllStringSubmatch(body, -1) {
		served = append(served, match[1])
	}
	for _, match := range regexp.MustCompile("(?m)^\\| `(firn_\\w+)").FindAllStringSubmatch(page(t, "operations.md"), -1) {
		documented = append(documented, match[1])
	}
	slices.Sort(served)
	slices.Sort(documented)
	if !slices.Equal(served, documented) {
		t.Errorf("served:     %s\ndocumented: %s", strings.Join(served, " "), strings.Join(documented, " "))
	}
}

// TestStatusOfEveryKind holds the statuses against the list in docs/errors.md.
func TestStatusOfEveryKind(t *testing.T) {
	d := newDoor(t, web.Options{})
	text := page(t, "errors.md")
	for _, kind := range firn.Kinds() {
		d.backend.onReady = nil
		err := firn.Errorf(kind, "so it is")
		d.backend.onRead = failing(err)
		a := d.get("/all")
		row := regexp.MustCompile(`(?m)^\| ` + strconv.Itoa(int(kind)) + ` \| .*\| (\d+) \|$`).FindStringSubmatch(text)
		if row == nil || row[1] != strconv.Itoa(a.status) {
			t.Errorf("%v is answered with %d; docs/errors.md has %q", kind, a.status, row)
		}
		a.wants(t, a.status, `{"error":{"kind":"`+kind.String()+`","message":"so it is","retry":"`+err.Retry().String()+`"}}`+"\n")
		if again := a.header.Get("Retry-After") != ""; again != (err.Retry() == firn.RetrySafe) {
			t.Errorf("%v: Retry-After is there: %v", kind, again)
		}
	}
}

// TestWhoCalls: the backend is told what a request presents, and what it refuses
// goes no further; health and the description are for everybody.
func TestWhoCalls(t *testing.T) {
	d := newDoor(t, web.Options{})
	ann := security.NewCaller(security.Presented{Token: "secret"})
	d.backend.onAuthenticate = func(ctx context.Context) error {
		if caller, _ := security.CallerOf(ctx); caller != ann {
			return firn.Errorf(firn.ErrUnauthenticated, "nobody has that token")
		}
		return nil
	}
	const nobody = `{"error":{"kind":"unauthenticated","message":"nobody has that token","retry":"no"}}`
	for _, path := range []string{"/all", "/streams/a", "/categories/a", "/metrics"} {
		if a := d.get(path).wants(t, 401, nobody); a.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s is answered with %v", path, a.header)
		}
		d.do("GET", path, "Authorization: Bearer guess", "").wants(t, 401, nobody)
	}
	d.do("POST", "/streams/a?type=T", plainJSON, "{}").wants(t, 401, nobody)
	d.do("POST", "/streams/a?type=T", plainJSON+"Authorization: bearer  secret", "{}").wants(t, 201)
	d.do("GET", "/all", "Authorization: Bearer secret", "").wants(t, 200, `"stream":"a"`)
	for _, header := range []string{"Basic secret", "Bearer", "Bearer ", "secret"} {
		d.do("GET", "/all", "Authorization: "+header, "").wants(t, 401, "is not of the form: Bearer TOKEN")
	}
	for _, path := range []string{"/health/live", "/health/ready", "/openapi.json", "/openapi.yaml"} {
		d.get(path).wants(t, 200)
	}
	d.get("/nothing").wants(t, 404)
}
