package points_test

import (
	"testing"
	"time"

	"github.com/firndb/firn/internal/points"
)

func TestSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"2h": 2 * time.Hour, "2h30m": 150 * time.Minute, "30d": 720 * time.Hour, "1d12h": 36 * time.Hour, "90s": 90 * time.Second,
		"": -1, "d": -1, "-2h": -1, "+2h": -1, "2": -1, "1d-2h": -1, "99999999999d": -1, "1d9223372036s": -1, "106751d": 106751 * 24 * time.Hour, "106752d": -1, "200000d": -1, "2h junk": -1,
	} {
		got, err := points.ParseSpan(text)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
