package web_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/firndb/firn/server/internal/web"
)

// TestProfiles are for callers on the same machine.
func TestProfiles(t *testing.T) {
	d := newDoor(t, web.Options{})
	ask := func(path, remote, local string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.RemoteAddr = remote
		at, err := net.ResolveTCPAddr("tcp", local)
		if err != nil {
			t.Fatal(err)
		}
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(at)))
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, r)
		return w
	}
	for path, words := range map[string]string{
		"/debug/pprof/": "full goroutine stack dump", "/debug/pprof/goroutine?debug=1": "goroutine profile", "/debug/pprof/cmdline": "test",
	} {
		for _, remote := range []string{"127.0.0.1:50000", "[::1]:50000", "10.0.0.1:50000"} {
			if w := ask(path, remote, "10.0.0.1:7420"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), words) {
				t.Errorf("%s from %s: %d %.200s", path, remote, w.Code, w.Body)
			}
		}
		for _, remote := range []string{"10.0.0.2:50000", "[2001:db8::1]:50000", "", "localhost"} {
			if w := ask(path, remote, "10.0.0.1:7420"); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), words) {
				t.Errorf("%s from %q: %d %.200s", path, remote, w.Code, w.Body)
			}
		}
	}
}
