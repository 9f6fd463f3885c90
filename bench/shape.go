package bench

import (
	"context"
	"math/rand/v2"

	"github.com/firndb/firn"
)

// shape is how streams come to lie in the store: so many of them are written to
// at once, an event here and an event there.
type shape struct {
	alive  int // streams at once; fewer where there are not as many
	length int // events of each
}

// shapes by their names: S, of short streams that come and go, such as orders; D,
// of streams that all live on, such as devices or accounts; G, of yet shorter ones,
// of which a growing store soon has a million.
var shapes = map[string]shape{
	"S": {alive: 10_000, length: 100},
	"D": {alive: 500_000, length: 16},
	"G": {alive: 10_000, length: 20},
}

// growing is a stream that is not finished.
type growing struct {
	name string
	next firn.Revision
}

// interleaved writes this client's share of the streams that are alive at once:
// each append has an event for each of BatchEvents streams that are drawn from
// them, and each finished stream makes room for a new one.
func (f *filling) interleaved(ctx context.Context, b *bench, client int) error {
	random := rand.New(rand.NewPCG(3, uint64(client)))
	var alive []growing
	share := (min(shapes[f.pool.shape].alive, f.events/f.pool.length) + fillClients - 1) / fillClients
	for range share {
		if name := f.take(); name != "" {
			alive = append(alive, growing{name: name})
		}
	}
	writes := make([]firn.Write, 0, BatchEvents)
	for len(alive) > 0 {
		some := min(BatchEvents, len(alive))
		writes = writes[:0]
		for i := range some { // a draw without repetition
			j := i + random.IntN(len(alive)-i)
			alive[i], alive[j] = alive[j], alive[i]
			expect := firn.None
			if alive[i].next > 0 {
				expect = firn.At(alive[i].next - 1)
			}
			writes = append(writes, firn.To(alive[i].name, expect, firn.Draft{Type: eventType, Data: b.data}))
		}
		if _, err := b.store(client).Append(ctx, writes...); err != nil {
			return err
		}
		for i := some - 1; i >= 0; i-- {
			if alive[i].next++; int(alive[i].next) < f.pool.length {
				continue
			}
			f.pool.finish(alive[i].name)
			if alive[i] = (growing{name: f.take()}); alive[i].name == "" {
				alive[i] = alive[len(alive)-1]
				alive = alive[:len(alive)-1]
			}
		}
		f.lap(some)
	}
	return nil
}
