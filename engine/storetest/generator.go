package storetest

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/firndb/firn"
)

// generator makes up operations. Its alphabets are small, so that operations
// meet the same streams, ids and revisions often. It looks at the model, so
// that most of them have a chance to succeed.
type generator struct {
	*rand.Rand
	model firn.Store
	names []string         // of streams
	gone  []string         // those that were tombstoned, and make way for others
	ids   map[firn.ID]bool // all that drafts were given
	count uint64           // ids made so far
	past  [][]firn.Write   // appends so far, whether they succeeded or not
}

func newGenerator(seed uint64, model firn.Store) *generator {
	return &generator{
		Rand:  rand.New(rand.NewPCG(seed, 0)),
		model: model,
		names: []string{"order-1", "order-2", "order-10", "user-1", "user-2", "orders", "-1", "order--", "größe-1"},
		ids:   map[firn.ID]bool{},
	}
}

// foreign reports whether no draft was ever given the id: a store made it.
func (g *generator) foreign(id firn.ID) bool { return !g.ids[id] }

func (g *generator) next(ctx context.Context) operation {
	switch n := g.IntN(100); {
	case n < 32:
		return g.append(ctx)
	case n < 44:
		return g.repeat(ctx)
	case n < 56:
		return g.change(ctx)
	case n < 76:
		return g.read(ctx)
	case n < 82:
		return g.subscribe(ctx)
	case n < 90:
		stream := g.anyStream()
		return infoOf(stream, g.place(ctx, stream))
	case n < 96:
		return g.list(ctx)
	}
	q := firn.Query{All: true, Backwards: g.chance(2), System: g.chance(2)}
	return stopOf(q, 1+g.IntN(5))
}

// chance is true one time in n.
func (g *generator) chance(n int) bool { return g.IntN(n) == 0 }

func (g *generator) stream() string {
	if len(g.gone) > 0 && g.chance(20) {
		return g.gone[g.IntN(len(g.gone))]
	}
	return g.names[g.IntN(len(g.names))]
}

// anyStream may also be a system stream, or one that is never written.
func (g *generator) anyStream() string {
	switch g.IntN(10) {
	case 0:
		return firn.CategoriesStream
	case 1, 2:
		return firn.LifeStream(g.stream())
	case 3:
		return "nobody-1"
	}
	return g.stream()
}

func (g *generator) category() string {
	return []string{"order", "user", "größe", "orders", "$$order"}[g.IntN(5)]
}

// head is the model's.
func (g *generator) head(ctx context.Context) firn.Position {
	head, _, _ := g.model.Head(ctx, firn.Consistency{})
	return head
}

// nextRevision is the model's for the stream, 0 where it was never written.
func (g *generator) nextRevision(ctx context.Context, stream string) firn.Revision {
	info, err := g.model.Stream(ctx, stream, firn.Point{})
	if err != nil {
		return 0
	}
	return info.Revision + 1
}

// expectation is one that holds, mostly.
func (g *generator) expectation(ctx context.Context, stream string) firn.Expectation {
	next := g.nextRevision(ctx, stream)
	switch n := g.IntN(20); {
	case n < 7:
		return firn.Any
	case n < 8:
		return firn.None
	case n < 10:
		return firn.Exists
	case n < 12:
		return firn.At(firn.Revision(g.Uint64N(uint64(next) + 2)))
	case next == 0:
		return firn.None
	}
	return firn.At(next - 1)
}

func (g *generator) append(ctx context.Context) operation {
	names := slices.Clone(g.names)
	g.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	writes := 1
	if g.chance(4) {
		writes += g.IntN(3)
	}
	var all []firn.Write
	for _, name := range names[:writes] {
		w := firn.To(name, g.expectation(ctx, name))
		if !g.chance(8) {
			for range 1 + g.IntN(3) {
				w.Drafts = append(w.Drafts, g.draft())
			}
		}
		all = append(all, w)
	}
	if g.chance(60) {
		all = append(all, all[0]) // the same stream twice
	}
	g.past = append(g.past, all)
	return appendOf(all...)
}

// draft is a new one mostly, else one that may be there already. Its content
// follows from its id, except for one in ten of those that are not new.
func (g *generator) draft() firn.Draft {
	n, twist := g.count, uint64(0)
	switch {
	case g.chance(20):
		return firn.Draft{Type: "Made", Data: []byte("{}")} // the store makes the id
	case g.count > 0 && g.chance(12):
		n = g.Uint64N(g.count)
		if g.chance(10) {
			twist = 1
		}
	default:
		g.count++
	}
	d := content(n, twist)
	g.ids[d.ID] = true
	return d
}

// content returns draft n. The twist changes it in a field that n chooses.
func content(n, twist uint64) firn.Draft {
	d := firn.Draft{
		ID:   firn.DeriveID(firn.ID{1}, int(n)),
		Type: []string{"Placed", "Paid", "Shipped"}[n%3],
		Data: fmt.Appendf(nil, `{"n":%d}`, n),
	}
	if n%4 == 1 {
		d.Schema, d.Metadata = uint32(n), []byte(`{"by":"test"}`)
	}
	if n%4 == 2 {
		d.ContentType, d.Data = "application/octet-stream", binary.LittleEndian.AppendUint64([]byte{0xff, 0}, n)
	}
	if n%4 == 3 {
		d.CorrelationID, d.CausationID = correlation(n), causation(n)
		d.Occurred = time.Date(2020, 1, 1, 0, 0, int(n), 123456789, time.FixedZone("", 3600))
	}
	if twist == 0 {
		return d
	}
	switch n % 5 {
	case 0:
		d.Data = append(d.Data, ' ')
	case 1:
		d.Type = "Other"
	case 2:
		d.Schema++
	case 3:
		d.Metadata = []byte(`{"by":"another"}`)
	case 4:
		d.Occurred = d.Occurred.Add(time.Microsecond)
	}
	return d
}

// correlation and causation are what the n-th draft carries, where it carries
// any: each is that of several drafts.
func correlation(n uint64) string { return fmt.Sprint("correlation ", n/8) }
func causation(n uint64) string   { return fmt.Sprint("cause ", n/16) }
