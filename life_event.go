package firn

import (
	"encoding/json"
	"strings"
	"time"
)

// LifeOf returns the change that an event of a system stream records, and the
// stream whose life it changed; ok is false where the event records none.
func LifeOf(e *Event) (stream string, life Life, ok bool) {
	stream, ok = strings.CutPrefix(e.Stream, lifePrefix)
	if e.Stream == CategoriesStream {
		stream, ok = e.Stream, true
	}
	if !ok {
		return "", nil, false
	}
	var fields struct {
		Before   Revision `json:"before"`
		Category string   `json:"category"`
		MaxAge   int64    `json:"max_age_us"`
		MaxCount uint64   `json:"max_count"`
	}
	if e.Type == TypeTruncated || e.Type == TypeLimits {
		if err := json.Unmarshal(e.Data, &fields); err != nil {
			return "", nil, false
		}
	}
	switch e.Type {
	case TypeDeleted:
		life = Delete{}
	case TypeTombstoned:
		life = Tombstone{}
	case TypeTruncated:
		life = Truncate{Before: fields.Before}
	case TypeLimits:
		life = Limits{Category: fields.Category, MaxAge: time.Duration(fields.MaxAge) * time.Microsecond, MaxCount: fields.MaxCount}
	case TypeMetadata:
		life = Metadata{}
		if string(e.Data) != "null" {
			life = Metadata{Data: e.Data}
		}
	default:
		return "", nil, false
	}
	return stream, life, true
}
