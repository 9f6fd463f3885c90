package aggregate

import "github.com/firndb/firn"

// Options of a repository. Zero means the default.
type Options struct {
	Tries         int // of a decision that others were faster than; default 8
	SnapshotEvery int // events behind the newest snapshot after which another is kept; default 100, below 0: none

	// OnSnapshot is told of each snapshot that was to be kept, and how that ended.
	OnSnapshot func(stream string, revision firn.Revision, err error)
}

const (
	triesDefault = 8
	everyDefault = 100
)

// Repository loads and saves the aggregates of one type. It may be used by many
// goroutines at once.
type Repository[S any] struct {
	store     firn.Store
	snapshots firn.Snapshots // nil: none are read or kept
	kind      Type[S]
	options   Options
}

// New returns a repository of a type in a store. It panics where the type is
// not whole: that is a mistake of the program's.
func New[S any](store firn.Store, kind Type[S], o Options) *Repository[S] {
	if err := kind.check(); err != nil {
		panic("aggregate: " + err.Error())
	}
	if o.Tries <= 0 {
		o.Tries = triesDefault
	}
	if o.SnapshotEvery == 0 {
		o.SnapshotEvery = everyDefault
	}
	r := &Repository[S]{store: store, kind: kind, options: o}
	if snapshots, ok := store.(firn.Snapshots); ok && kind.Version != "" && o.SnapshotEvery > 0 {
		r.snapshots = snapshots
	}
	return r
}
