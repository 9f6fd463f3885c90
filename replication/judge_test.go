package replication

import (
	"testing"
	"time"
)

func TestJudgeHashes(t *testing.T) {
	for _, c := range []struct {
		name     string
		own      uint64
		others   map[string]uint64
		ownVotes bool
		voters   int
		want     verdict
	}{
		{"all agree", 1, map[string]uint64{"b": 1, "c": 1}, true, 3, verdictNone},
		{"one of the others is wrong", 1, map[string]uint64{"b": 1, "c": 2}, true, 3, verdictNone},
		{"this one is wrong", 2, map[string]uint64{"b": 1, "c": 1}, true, 3, verdictMinority},
		{"nobody agrees", 3, map[string]uint64{"b": 1, "c": 2}, true, 3, verdictDiverged},
		{"two of three heard, and they differ", 1, map[string]uint64{"b": 2}, true, 3, verdictDiverged},
		{"two of three heard, and they agree", 1, map[string]uint64{"b": 1}, true, 3, verdictNone},
		{"two of five heard, and they agree", 1, map[string]uint64{"b": 1}, true, 5, verdictNone},
		{"a learner against its voters", 2, map[string]uint64{"b": 1, "c": 1}, false, 3, verdictMinority},
		{"a learner against one of three voters", 2, map[string]uint64{"b": 1}, false, 3, verdictNone},
		{"alone", 1, nil, true, 1, verdictNone},
	} {
		if got, _ := judgeHashes(c.own, c.others, c.ownVotes, c.voters); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestClockError(t *testing.T) {
	s := time.Second
	for _, c := range []struct {
		name    string
		offsets []time.Duration
		members int
		ahead   time.Duration
		ok      bool
	}{
		{"alone", nil, 1, 0, false},
		{"too few heard", []time.Duration{9 * s}, 5, 0, false},
		{"all together", []time.Duration{0, 0}, 3, 0, true},
		{"this one is ahead", []time.Duration{-6 * s, -6 * s}, 3, 6 * s, true},
		{"this one is behind", []time.Duration{6 * s, 7 * s}, 3, -6 * s, true},
		{"another one is off", []time.Duration{100 * s, 0}, 3, 0, true},
		{"of two nobody knows which", []time.Duration{100 * s}, 2, 0, true},
	} {
		if ahead, ok := clockError(c.offsets, c.members, 0); ahead != c.ahead || ok != c.ok {
			t.Errorf("%s: %v %v, want %v %v", c.name, ahead, ok, c.ahead, c.ok)
		}
	}
}
