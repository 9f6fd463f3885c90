package check

import (
	"slices"
	"strings"

	"github.com/firndb/firn"
)

// wantsEvent says whether the event, if it is visible, has to come as one.
func wantsEvent(q *firn.Query, e *firn.Event) bool {
	return inScope(q, e.Stream) && q.WantsType(e.Type)
}

// inScope reports whether a subscription is about the events of a stream.
func inScope(q *firn.Query, stream string) bool {
	if q.Stream != "" {
		return stream == q.Stream
	}
	return (q.System || !firn.IsSystem(stream)) && named(q, stream)
}

func named(q *firn.Query, stream string) bool {
	return (q.Category == "" || firn.Category(stream) == q.Category) &&
		(len(q.StreamPrefixes) == 0 || slices.ContainsFunc(q.StreamPrefixes, func(p string) bool { return strings.HasPrefix(stream, p) }))
}

// wantsChange says whether the event has to come as a mark of a change of life.
func wantsChange(q *firn.Query, e *firn.Event) bool {
	stream, life, ok := firn.LifeOf(e)
	limits, _ := life.(firn.Limits)
	switch {
	case !ok || inScope(q, e.Stream):
		return false
	case q.Stream != "":
		return stream == q.Stream
	case stream == firn.CategoriesStream:
		return q.Category == "" || limits.Category == q.Category
	}
	return named(q, stream)
}
