package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
)

func get(t *testing.T, h http.Handler, path string) (status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestHealthSaysWhyItIsNotReady(t *testing.T) {
	var trouble error
	h := Handler(NewMetrics(func() (Figures, bool) { return Figures{}, false }), func(context.Context) error { return trouble })
	for _, want := range []struct {
		trouble error
		status  int
		body    string
	}{
		{nil, 200, "ready\n"},
		{errors.New("there is no leader"), 503, "not ready: there is no leader\n"},
	} {
		trouble = want.trouble
		if status, body := get(t, h, "/health/ready"); status != want.status || body != want.body {
			t.Errorf("with %v: %d %q, want %d %q", trouble, status, body, want.status, want.body)
		}
		if status, _ := get(t, h, "/health/live"); status != 200 {
			t.Errorf("live answers %d", status)
		}
	}
}

// TestMetricNamesAreDocumented holds the names that a node serves against the
// list in docs/operations.md, both ways.
func TestMetricNamesAreDocumented(t *testing.T) {
	m := NewMetrics(func() (Figures, bool) {
		return Figures{Caches: []Cache{{Name: "blocks"}}}, true
	})
	m.Appended(1, time.Millisecond, nil)
	m.Appended(1, time.Millisecond, firn.Errorf(firn.ErrConflict, "no"))
	_, body := get(t, Handler(m, func(context.Context) error { return nil }), "/metrics")
	var served []string
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (firn_\w+)`).FindAllStringSubmatch(body, -1) {
		served = append(served, match[1])
	}
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, match := range regexp.MustCompile("(?m)^\\| `(firn_\\w+)").FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, match[1])
	}
	slices.Sort(served)
	slices.Sort(documented)
	if !slices.Equal(served, documented) {
		t.Errorf("served:     %s\ndocumented: %s", strings.Join(served, " "), strings.Join(documented, " "))
	}
	if !strings.Contains(body, `firn_append_seconds_count{result="conflict"} 1`) {
		t.Errorf("a refused append is not counted by its kind:\n%s", body)
	}
}
