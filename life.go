package firn

import "time"

// Life is a change to a stream as a whole: one of [Delete], [Tombstone],
// [Truncate], [Limits] and [Metadata]. Each is recorded as an event in the
// stream's system stream (see [LifeStream]), with a position, a time and an
// author.
type Life interface{ life() }

// Delete hides all events so far. The stream then reads as deleted; it can be
// begun again, and its revisions go on.
type Delete struct{}

// Tombstone takes the name out of use for good.
type Tombstone struct{}

// Truncate hides the events below revision Before, from every point in time.
type Truncate struct{ Before Revision }

// Limits sets how many events, and how old ones, remain visible. Zero means no
// limit. Set on [CategoriesStream] with a Category, it holds for each stream
// of that category where the stream has none of its own.
type Limits struct {
	Category string
	MaxAge   time.Duration // kept to the microsecond
	MaxCount uint64
}

// Metadata replaces the stream's free metadata, a JSON object by convention.
// Empty removes it.
type Metadata struct{ Data []byte }

func (Delete) life()    {}
func (Tombstone) life() {}
func (Truncate) life()  {}
func (Limits) life()    {}
func (Metadata) life()  {}

// The types of the events that record a stream's life.
const (
	TypeDeleted    = "$deleted"
	TypeTombstoned = "$tombstoned"
	TypeTruncated  = "$truncated"
	TypeLimits     = "$limits"
	TypeMetadata   = "$metadata"
)
