package firn

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Change judges in this order: is the call valid, is the stream tombstoned,
// does the expectation fail, does the change make sense for the stream as it
// stands.
func (m *memory) Change(ctx context.Context, stream string, expect Expectation, life Life) (Position, error) {
	life, err := checkLife(stream, life)
	if err != nil {
		return 0, err
	}
	if err := m.lock(ctx, Consistency{}); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()

	s := m.status(stream, m.present())
	if s.state == Tombstoned {
		return 0, s.refusal(stream)
	}
	if err := s.meets(stream, expect); err != nil {
		return 0, err
	}
	switch l := life.(type) {
	case Delete:
		if err := s.refusal(stream); err != nil {
			return 0, err
		}
	case Truncate:
		if err := s.refusal(stream); err != nil {
			return 0, err
		}
		if l.Before > s.next {
			return 0, Errorf(ErrInvalid, "truncate stream %q before revision %d: its next event gets revision %d; that is the most", stream, l.Before, s.next)
		}
	}
	typ, data := record(life, s.next)
	e := m.accept(Event{
		Stream: lifeStream(stream), Time: m.nextTime(), Count: 1,
		ID: NewID(), Type: typ, ContentType: JSON, Data: data,
	})
	c := change{position: e.Position, next: s.next, life: life}
	if stream == CategoriesStream {
		category := life.(Limits).Category
		m.shared[category] = append(m.shared[category], c)
	} else {
		m.changes[stream] = append(m.changes[stream], c)
	}
	return e.Position, nil
}

// lifeStream returns the system stream that records a change of a stream.
func lifeStream(stream string) string {
	if stream == CategoriesStream {
		return CategoriesStream
	}
	return LifeStream(stream)
}

// checkLife says what is wrong with a change by itself, and returns a copy of
// it that shares no bytes with the caller.
func checkLife(stream string, life Life) (Life, error) {
	if err := CheckStreamName(stream); err != nil {
		return nil, err
	}
	limits, isLimits := life.(Limits)
	if stream == CategoriesStream && isLimits {
		if err := CheckCategory(limits.Category); err != nil {
			return nil, err
		}
	} else if IsSystem(stream) {
		return nil, Errorf(ErrInvalid, "the stream %.64q belongs to the system; only limits can be set there, on %s for a category", stream, CategoriesStream)
	} else if limits.Category != "" {
		return nil, Errorf(ErrInvalid, "limits for the category %.64q are set on the stream %s, not on %.64q", limits.Category, CategoriesStream, stream)
	}
	switch l := life.(type) {
	case nil:
		return nil, Errorf(ErrInvalid, "no change is given for stream %.64q; give one of delete, tombstone, truncate, limits, metadata", stream)
	case Limits:
		if l.MaxAge != 0 && l.MaxAge < time.Microsecond {
			return nil, Errorf(ErrInvalid, "a maximal age of %s; give at least %s, or 0 for none", l.MaxAge, time.Microsecond)
		}
		l.MaxAge = l.MaxAge.Truncate(time.Microsecond)
		return l, nil
	case Metadata:
		if len(l.Data) > EventBytesMax {
			return nil, Errorf(ErrTooLarge, "%d bytes of metadata for stream %.64q; at most %d are allowed", len(l.Data), stream, EventBytesMax)
		}
		return Metadata{Data: append([]byte(nil), l.Data...)}, nil
	}
	return life, nil
}

// record returns the type and the data of the event that records a change.
func record(life Life, next Revision) (typ string, data []byte) {
	last := "null"
	if next > 0 {
		last = strconv.FormatUint(uint64(next-1), 10)
	}
	switch l := life.(type) {
	case Delete:
		return TypeDeleted, fmt.Appendf(nil, `{"revision":%s}`, last)
	case Tombstone:
		return TypeTombstoned, fmt.Appendf(nil, `{"revision":%s}`, last)
	case Truncate:
		return TypeTruncated, fmt.Appendf(nil, `{"before":%d}`, l.Before)
	case Metadata:
		if len(l.Data) == 0 {
			return TypeMetadata, []byte("null")
		}
		return TypeMetadata, l.Data
	}
	l := life.(Limits)
	data, _ = json.Marshal(struct { // cannot fail: a string and two numbers
		Category string `json:"category,omitempty"`
		MaxAge   int64  `json:"max_age_us,omitempty"`
		MaxCount uint64 `json:"max_count,omitempty"`
	}{l.Category, l.MaxAge.Microseconds(), l.MaxCount})
	return TypeLimits, data
}
