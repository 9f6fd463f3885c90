package powertest

import (
	"sync"

	"github.com/firndb/firn"
)

// journal is what the clients of a node have asked for and what they were told,
// over all the lives that the node has had.
type journal struct {
	mu    sync.Mutex
	asked []deed // begun, in this order
	told  []told // answered, in this order
}

// told is a deed and the answer to it.
type told struct {
	deed deed
	answer
}

// answer is what a client was told. Its outcome is that of the error.
type answer struct {
	appended firn.Appended
	err      error
}

func (j *journal) ask(d deed) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.asked = append(j.asked, d)
}

func (j *journal) tell(d deed, a answer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.told = append(j.told, told{d, a})
}

// known is how much had been told, and asked, when the power was lost.
type known struct{ told, asked int }

func (j *journal) known() known {
	j.mu.Lock()
	defer j.mu.Unlock()
	return known{len(j.told), len(j.asked)}
}

// until returns the journal as it was: what was told by then, and what had been
// asked without an answer, whose outcome nobody knows.
func (j *journal) until(k known) (then *journal, unknown []deed) {
	j.mu.Lock()
	defer j.mu.Unlock()
	answered := make(map[deed]bool, k.told)
	for _, t := range j.told[:k.told] {
		answered[t.deed] = true
	}
	for _, d := range j.asked[:k.asked] {
		if !answered[d] {
			unknown = append(unknown, d)
		}
	}
	return &journal{asked: append([]deed{}, j.asked[:k.asked]...), told: append([]told{}, j.told[:k.told]...)}, unknown
}

// answers returns what was told so far.
func (j *journal) answers() []told {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.told[:len(j.told):len(j.told)]
}

// begun returns what was asked so far.
func (j *journal) begun() []deed {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.asked[:len(j.asked):len(j.asked)]
}
