// Package points reads points in time and lengths of time as people write
// them: on the command line and in a query over HTTP.
package points

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/firndb/firn"
)

// Parse reads a point in time: a revision (5), a position (@120), start, end, a
// moment (2026-03-01T14:32:07Z; 2026-03-01 is its start in UTC) or how long ago
// (2h30m, 30d). Nothing is the zero point. oneStream says that a bare number is
// a revision; elsewhere it is a position. name is what the caller has called the
// point, for the error, an ErrInvalid.
func Parse(name, text string, oneStream bool, now time.Time) (firn.Point, error) {
	switch text {
	case "":
		return firn.Point{}, nil
	case "start":
		return firn.StartPoint(), nil
	case "end":
		return firn.EndPoint(), nil
	}
	digits, at := strings.CutPrefix(text, "@")
	if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
		if oneStream && !at {
			return firn.RevisionPoint(firn.Revision(n)), nil
		}
		if n == 0 {
			return firn.Point{}, firn.Errorf(firn.ErrInvalid, "%s %s: positions begin at 1; use start for the beginning", name, text)
		}
		return firn.PositionPoint(firn.Position(n)), nil
	}
	if n, ok := strings.CutPrefix(text, "r"); ok && isDigits(n) {
		return firn.Point{}, firn.Errorf(firn.ErrInvalid, "%s %s: a revision is written as the bare number, and only where one stream is read", name, text)
	}
	moment, ok := parseMoment(text, now)
	switch {
	case !ok:
		return firn.Point{}, firn.Errorf(firn.ErrInvalid, "%s %q is no point in time; want %s, a position (@120), start, end, a moment (2026-03-01T14:32:07Z or 2026-03-01), or how long ago (2h30m)",
			name, text, map[bool]string{true: "a revision (5)", false: "a position (120)"}[oneStream])
	case moment.After(now):
		return firn.Point{}, firn.Errorf(firn.ErrInvalid, "%s %s is in the future: it is %s now", name, text, now.UTC().Format(time.RFC3339))
	}
	return firn.MomentPoint(moment), nil
}

func parseMoment(text string, now time.Time) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, true
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, true
	}
	if d, err := ParseSpan(strings.TrimPrefix(text, "-")); err == nil {
		return now.Add(-d), true
	}
	return time.Time{}, false
}

// maxDays is how many whole days a time.Duration holds: 292 years.
const maxDays = math.MaxInt64 / int64(24*time.Hour)

// ParseSpan reads a length of time: Go's form, and days before it (30d, 1d12h).
func ParseSpan(text string) (time.Duration, error) {
	var days time.Duration
	if n, rest, ok := strings.Cut(text, "d"); ok && isDigits(n) {
		count, err := strconv.ParseInt(n, 10, 64)
		if err != nil || count > maxDays {
			return 0, firn.Errorf(firn.ErrInvalid, "%q is too long a time; at most %dd can be given", text, maxDays)
		}
		if days = time.Duration(count) * 24 * time.Hour; rest == "" {
			return days, nil
		}
		text = rest
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || text[0] == '+' || days+d < 0 {
		return 0, firn.Errorf(firn.ErrInvalid, "%q is no length of time; want something like 90s, 2h30m or 30d", text)
	}
	return days + d, nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
