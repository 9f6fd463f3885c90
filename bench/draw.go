package bench

import (
	"math"
	"math/rand/v2"
)

// draw picks among streams at random.
type draw struct {
	random *rand.Rand
	from   []string
	skew   float64 // 0: uniform; else the exponent of a Zipf distribution
}

// newDraw makes draws of their own: a client that drew as in the run before
// would find in the caches what that run had read.
func (b *bench) newDraw(p *pool) draw {
	b.draws++
	return draw{random: rand.New(rand.NewPCG(1, b.draws)), from: p.all(), skew: b.o.Skew}
}

// scatter is a prime by which ranks are spread over the streams, so that those
// which are drawn most do not lie side by side.
const scatter = 2_654_435_761

func (d *draw) one() string {
	if d.skew == 0 {
		return d.from[d.random.IntN(len(d.from))]
	}
	rank := zipf(d.random.Float64(), float64(len(d.from)), d.skew)
	return d.from[uint64(rank)*scatter%uint64(len(d.from))]
}

// zipf turns u, uniform in [0, 1), into a rank in [0, n), of which rank r comes
// about as often as (r+1)^-s. It is the inverse of the distribution's continuous
// form, which has one for every s above 0.
func zipf(u, n, s float64) int {
	var x float64 // in [1, n+1)
	if math.Abs(s-1) < 1e-9 {
		x = math.Pow(n+1, u)
	} else {
		x = math.Pow(1+u*(math.Pow(n+1, 1-s)-1), 1/(1-s))
	}
	return min(int(x)-1, int(n)-1)
}
