package web

import (
	"net"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/firndb/firn"
)

// profilePath is where the profiles of net/http/pprof are. They are for whoever
// looks after the node, and no part of the interface that is described.
const profilePath = "/debug/pprof/"

// profile answers callers on this machine.
func (d *Door) profile(a *answer, r *http.Request) error {
	if !fromHere(r) {
		return firn.Errorf(firn.ErrForbidden, "profiles are for callers on the node's own machine; ask from there, or through ssh -L")
	}
	if _, err := d.backend.Administer(r.Context(), "see profiles"); err != nil {
		return err
	}
	a.uncached()
	switch strings.TrimPrefix(r.URL.Path, profilePath) {
	case "cmdline":
		pprof.Cmdline(a, r)
	case "profile":
		pprof.Profile(a, r)
	case "symbol":
		pprof.Symbol(a, r)
	case "trace":
		pprof.Trace(a, r)
	default:
		pprof.Index(a, r) // all others, by their names
	}
	return nil
}

// fromHere reports whether a request comes from the machine that it goes to.
func fromHere(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	remote := net.ParseIP(host)
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok && local.IP.Equal(remote) {
		return true
	}
	return remote.IsLoopback()
}
