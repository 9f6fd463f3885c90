package group

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/firndb/firn"
)

// The settings where a group says nothing, and the most that it may say.
const (
	maxAttemptsDefault = 10
	leaseDefault       = 30 * time.Second
	inFlightDefault    = 256
	retryMinDefault    = time.Second
	retryMaxDefault    = 5 * time.Minute

	inFlightMax = 4096
	delayMax    = 24 * time.Hour
	leaseMin    = 10 * time.Millisecond
	namesMax    = 256 // of types and prefixes, each
)

// WithDefaults returns the group with its settings filled in.
func WithDefaults(g firn.Group) firn.Group {
	orDefault(&g.MaxAttempts, maxAttemptsDefault)
	orDefault(&g.Lease, leaseDefault)
	orDefault(&g.InFlight, inFlightDefault)
	orDefault(&g.RetryMin, retryMinDefault)
	if g.RetryMax == 0 {
		g.RetryMax = max(retryMaxDefault, g.RetryMin)
	}
	return g
}

func orDefault[T comparable](field *T, otherwise T) {
	var zero T
	if *field == zero {
		*field = otherwise
	}
}

// Check says what is wrong with a group whose settings are filled in, or nil.
func Check(g *firn.Group) error {
	bad := func(text string, args ...any) error {
		return firn.Errorf(firn.ErrInvalid, "the group %.128q: %v", g.Name, firn.Errorf(firn.ErrInvalid, text, args...))
	}
	q := query(g)
	q.From = g.From
	if err := q.Check(); err != nil {
		return bad("%v", err)
	}
	switch {
	case max(len(g.Types), len(g.TypePrefixes), len(g.StreamPrefixes)) > namesMax:
		return bad("it names more than %d types or prefixes", namesMax)
	case g.OnPark > firn.ParkContinues:
		return bad("when an event is parked it does %d; give %d to stop the stream or %d to continue", g.OnPark, firn.ParkStops, firn.ParkContinues)
	case g.Lease < leaseMin || g.Lease > delayMax:
		return bad("a lease of %v; give %v to %v", g.Lease, leaseMin, delayMax)
	case g.InFlight > inFlightMax:
		return bad("%d deliveries in flight to one consumer; at most %d are allowed", g.InFlight, inFlightMax)
	case g.RetryMin < 0 || g.RetryMin > g.RetryMax || g.RetryMax > delayMax:
		return bad("retries after %v to %v; the first may not be longer than the second, nor that longer than %v", g.RetryMin, g.RetryMax, delayMax)
	}
	return nil
}

// SameTarget reports whether two groups follow the same.
func SameTarget(a, b *firn.Group) bool {
	return a.Stream == b.Stream && a.Category == b.Category && a.All == b.All && slices.Equal(a.Types, b.Types) &&
		slices.Equal(a.TypePrefixes, b.TypePrefixes) && slices.Equal(a.StreamPrefixes, b.StreamPrefixes)
}

// query is what a group follows.
func query(g *firn.Group) firn.Query {
	return firn.Query{
		Stream: g.Stream, Category: g.Category, All: g.All,
		Types: g.Types, TypePrefixes: g.TypePrefixes, StreamPrefixes: g.StreamPrefixes,
	}
}

// definition is a group as its definition in the store holds it.
type definition struct {
	Stream         string        `json:"stream,omitempty"`
	Category       string        `json:"category,omitempty"`
	All            bool          `json:"all,omitempty"`
	Types          []string      `json:"types,omitempty"`
	TypePrefixes   []string      `json:"type_prefixes,omitempty"`
	StreamPrefixes []string      `json:"stream_prefixes,omitempty"`
	After          firn.Position `json:"after"` // the position behind which it begins
	Unordered      bool          `json:"unordered,omitempty"`
	OnPark         string        `json:"on_park"`
	MaxAttempts    uint32        `json:"max_attempts"`
	Lease          int64         `json:"lease_us"`
	InFlight       uint32        `json:"in_flight"`
	RetryMin       int64         `json:"retry_min_us"`
	RetryMax       int64         `json:"retry_max_us"`
}

var onPark = []string{firn.ParkStops: "stop", firn.ParkContinues: "continue"}

// Encode returns the body of a group's definition. The group's settings are
// filled in and checked, and after is where From leads to.
func Encode(g *firn.Group, after firn.Position) []byte {
	body, err := json.Marshal(definition{
		g.Stream, g.Category, g.All, g.Types, g.TypePrefixes, g.StreamPrefixes, after, g.Unordered, onPark[g.OnPark],
		g.MaxAttempts, g.Lease.Microseconds(), g.InFlight, g.RetryMin.Microseconds(), g.RetryMax.Microseconds(),
	})
	if err != nil {
		panic(err) // strings and numbers
	}
	return body
}

// Decode returns the group of a definition, and the position behind which it
// begins, which is its From.
func Decode(name string, body []byte) (g firn.Group, after firn.Position, err error) {
	var d definition
	if err := json.Unmarshal(body, &d); err != nil {
		return g, 0, firn.Errorf(firn.ErrDamaged, "the definition of the group %s: %v", name, err)
	}
	g = WithDefaults(firn.Group{
		Name: name, Stream: d.Stream, Category: d.Category, All: d.All,
		Types: d.Types, TypePrefixes: d.TypePrefixes, StreamPrefixes: d.StreamPrefixes,
		From: firn.PositionPoint(d.After + 1), Unordered: d.Unordered, OnPark: firn.OnPark(max(0, slices.Index(onPark, d.OnPark))),
		MaxAttempts: d.MaxAttempts, InFlight: d.InFlight,
		Lease: micros(d.Lease), RetryMin: micros(d.RetryMin), RetryMax: micros(d.RetryMax),
	})
	return g, d.After, nil
}

func micros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
