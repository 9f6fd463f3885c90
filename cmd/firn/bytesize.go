package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a flag that takes a number of bytes with a unit: 512MiB.
type byteSize uint64

var byteUnits = []struct {
	name  string
	shift uint
}{{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}, {"", 0}}

func (b *byteSize) Set(text string) error {
	for _, unit := range byteUnits {
		digits, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 64)
		if err != nil || n > math.MaxInt64>>unit.shift {
			break
		}
		*b = byteSize(n << unit.shift)
		return nil
	}
	return fmt.Errorf("%q is no size; want a number with KiB, MiB or GiB, as in 512MiB", text)
}

func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	for _, unit := range byteUnits {
		if n := uint64(*b); n>>unit.shift<<unit.shift == n {
			return strconv.FormatUint(n>>unit.shift, 10) + unit.name
		}
	}
	return ""
}

func (*byteSize) Type() string { return "size" }
