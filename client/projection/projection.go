package projection

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/firndb/firn"
)

// Source is what a projection is fed from: a client, an embedded node, or
// firn.Memory in tests.
type Source interface {
	Subscribe(ctx context.Context, q firn.Query) iter.Seq2[firn.Message, error]
	Head(ctx context.Context, c firn.Consistency) (firn.Position, time.Time, error)
}

// Projection says how events become tables.
type Projection struct {
	// Name tells the projections of one database apart: lower-case letters,
	// digits and _, at most 48 bytes.
	Name string

	// Version is raised whenever Tables, Setup or a handler is changed, from 1.
	// The tables of a higher version are built beside those that serve, and
	// replace them once they have caught up. Zero is 1.
	Version uint32

	// Query says what is followed. Its From is where a new table set begins,
	// the start where it is zero. Where it names no types and Otherwise is nil,
	// only the types in On are asked for.
	Query firn.Query

	// Tables are the tables' names, in the order in which Setup makes them:
	// lower-case letters, digits and _, at most 48 bytes. Readers use these
	// names. Statements in Setup and in handlers write {name}, see [Tx].
	Tables []string

	// Setup makes the tables, empty.
	Setup func(ctx context.Context, tx *Tx) error

	// On holds a handler for each type; Otherwise, where it is not nil, handles
	// all types that are not in On.
	On        map[string]Handler
	Otherwise Handler

	// OnLife, where it is not nil, handles changes of the life of the streams
	// that are followed: delete, tombstone, truncate, limits, metadata.
	OnLife func(ctx context.Context, tx *Tx, mark firn.Mark, info Info) error
}

// Handler changes the tables as an event says. All that it does through tx
// becomes visible together with the checkpoint, or not at all; it may run again
// for the same event after it was rolled back, so it does nothing else. An error
// rolls back.
type Handler func(ctx context.Context, tx *Tx, e firn.Event, info Info) error

// Info tells a handler what is around the event.
type Info struct {
	Replaying bool    // the event was in the store already when this run began
	Run       firn.ID // names the run: this runner, since it took the table set over
	Set       int     // the number of the table set, as in the tables' true names
	Attempt   int     // 1, and more after the event's handler failed
}

var nameForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,47}$`)

// check returns the projection with its defaults, or all that is wrong with it.
func (p Projection) check() (Projection, []error) {
	var faults []error
	for i, name := range append([]string{p.Name}, p.Tables...) {
		if !nameForm.MatchString(name) {
			what := "the projection's name"
			if i > 0 {
				what = "the table's name"
			}
			faults = append(faults, fmt.Errorf("%s is %.64q; want lower-case letters, digits and _, not beginning with a digit, at most 48 bytes", what, name))
		}
	}
	if len(p.Tables) == 0 {
		faults = append(faults, errors.New("there are no Tables; name those that Setup makes"))
	}
	if p.Setup == nil {
		faults = append(faults, errors.New("there is no Setup, which makes the tables"))
	}
	if len(p.On) == 0 && p.Otherwise == nil && p.OnLife == nil {
		faults = append(faults, errors.New("there is no handler; set On, Otherwise or OnLife"))
	}
	if p.Query.From.Kind() == firn.PointEnd {
		faults = append(faults, errors.New("the query's From is the end, which is another place after a crash; give the position behind what Head returns"))
	}
	if !p.Query.History.IsZero() {
		faults = append(faults, errors.New("the query's History is set; the runner keeps the history with its checkpoint"))
	}
	if err := p.Query.CheckSubscribe(); err != nil {
		faults = append(faults, fmt.Errorf("the query: %w", err))
	}
	if p.Version == 0 {
		p.Version = 1
	}
	if len(p.Query.Types) == 0 && len(p.Query.TypePrefixes) == 0 && p.Otherwise == nil {
		p.Query.Types = slices.Sorted(maps.Keys(p.On))
	}
	return p, faults
}

// handler returns the handler of a type, or nil.
func (p *Projection) handler(typ string) Handler {
	if h := p.On[typ]; h != nil {
		return h
	}
	return p.Otherwise
}
