package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// Of a thousand ranks the first comes as often as the distribution says, and no
// rank lies outside.
func TestZipf(t *testing.T) {
	const n, draws = 1000, 200_000
	random := rand.New(rand.NewPCG(1, 2))
	for _, s := range []float64{0.5, 1, 1.2} {
		first := 0
		for range draws {
			rank := zipf(random.Float64(), n, s)
			if rank < 0 || rank >= n {
				t.Fatalf("s = %v: rank %d of %d", s, rank, n)
			}
			if rank == 0 {
				first++
			}
		}
		area := func(to float64) float64 { // of x^-s from 1
			if s == 1 {
				return math.Log(to)
			}
			return (math.Pow(to, 1-s) - 1) / (1 - s)
		}
		if want, got := area(2)/area(n+1), float64(first)/draws; math.Abs(got-want) > 0.1*want {
			t.Errorf("s = %v: rank 0 came with %.4f of the draws, want %.4f", s, got, want)
		}
	}
	for _, u := range []float64{0, math.Nextafter(1, 0)} {
		for _, s := range []float64{1, SkewMax} {
			if rank := zipf(u, n, s); rank < 0 || rank >= n {
				t.Errorf("u = %v, s = %v: rank %d of %d", u, s, rank, n)
			}
		}
	}
}

// A skewed draw has a favourite, and an even one has none.
func TestDraw(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	most := func(skew float64) int {
		d := draw{random: rand.New(rand.NewPCG(5, 6)), from: names, skew: skew}
		times := map[string]int{}
		for range 8000 {
			times[d.one()]++
		}
		if len(times) != len(names) {
			t.Errorf("skew %v: only %d of %d streams were drawn", skew, len(times), len(names))
		}
		var all []int
		for _, n := range times {
			all = append(all, n)
		}
		return slices.Max(all)
	}
	if even, skewed := most(0), most(1.5); even > 1200 || skewed < 3000 {
		t.Errorf("the favourite of 8 came %d times of 8000 evenly, %d times with a skew; want about 1000 and more than 3000", even, skewed)
	}
}
