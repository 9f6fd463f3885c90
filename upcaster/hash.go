package upcaster

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/firndb/firn/internal/jq"
)

// rulesVersion counts up when this package comes to do something else with the
// same steps, so that snapshots made before are not used.
const rulesVersion = 1

func newRules(chains map[string]*chain) *Rules {
	r := &Rules{chains: chains, became: renamed(chains)}
	h := sha256.New()
	fmt.Fprintf(h, "firn upcasters %d\n", rulesVersion)
	computes := false
	for _, typ := range slices.Sorted(maps.Keys(chains)) {
		for _, l := range chains[typ].steps {
			fmt.Fprintf(h, "step %q %d %q %d\n", typ, l.from, l.becomes(), l.to)
			for i := range l.operations {
				fmt.Fprintf(h, "%s\n", &l.operations[i])
				computes = computes || l.operations[i].kind == jqOp
			}
		}
	}
	if computes {
		fmt.Fprintf(h, "jq %s\n", jq.Version)
	}
	h.Sum(r.hash[:0])
	return r
}
