package points_test

import (
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/points"
)

// FuzzParse: a point is one of those that there are, and no moment is yet to
// come.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "5", "@120", "start", "end", "2026-03-01T14:32:07Z", "2026-03-01", "2h30m", "-2h", "30d", "r5", "@0", "106751d", "9999999999h"} {
		f.Add(text)
	}
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		for _, oneStream := range []bool{true, false} {
			p, err := points.Parse("--at", text, oneStream, now)
			if err == nil && p.Kind() == firn.PointMoment && p.Moment().After(now) {
				t.Errorf("%q is the moment %v, and it is %v now", text, p.Moment(), now)
			}
			if err == nil && p.Kind() == firn.PointRevision && !oneStream {
				t.Errorf("%q is a revision of nothing", text)
			}
		}
		if d, err := points.ParseSpan(text); err == nil && d < 0 {
			t.Errorf("%q is a span of %v", text, d)
		}
	})
}
