package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/firndb/firn"
)

// Whether an acknowledged append was synced is looked up where nobody can be mistaken
// about it: at the system calls of all processes and threads of the system. One client
// appends one event after the other, and marks each answer with a call that is
// traced too. Between two marks at least one sync has to begin and end, at a majority of the nodes.

const (
	probeAppends = 100
	probeMark    = "/firn-peers-answered-" // of a file that does not exist, with a number behind it
	probeCalls   = "openat,fsync,fdatasync,msync,sync_file_range,write,pwrite64,writev,pwritev,pwritev2"
)

// probe starts a system, appends, marks each answer, and ends the system.
func (o options) probe(ctx context.Context, what string) error {
	name, count, _ := strings.Cut(what, "/")
	nodes, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	chosen, err := selected([]string{name})
	if err != nil {
		return err
	}
	mark := func(n int) {
		if f, err := os.Open(probeMark + strconv.Itoa(n)); err == nil {
			f.Close()
		}
	}
	return o.with(ctx, chosen[0], nodes, 1, func(store *checked, _ string) error {
		append := func(stream string, expect firn.Expectation) error {
			_, err := store.Append(ctx, firn.To(stream, expect, firn.Draft{Type: "Probed", Data: []byte(`{"n":1}`)}))
			return err
		}
		if err := append("probe-0", firn.None); err != nil { // what the first one has to set up
			return err
		}
		mark(0)
		expect := firn.None
		for n := range probeAppends {
			if err := append("probe-1", expect); err != nil {
				return err
			}
			mark(n + 1)
			expect = firn.At(firn.Revision(n))
		}
		return nil
	})
}

// showSyncs traces a probe of every system and prints what it found. It fails where a system
// that is to sync before it answers did not.
func (o options) showSyncs(ctx context.Context, w io.Writer, chosen []*system) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("strace"); err != nil {
		return errInstall("strace")
	}
	lines := [][]string{{"system", "nodes", "to be synced", "answers after a sync at a majority", "syncs an append"}}
	var faults []error
	for _, s := range chosen {
		if s.missing != nil {
			if err := s.missing(o); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", s.name, err))
				continue
			}
		}
		for _, nodes := range s.nodes {
			synced, perAppend, err := o.trace(ctx, self, s, nodes)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", s.name, plural(nodes, "node"), err)
			}
			lines = append(lines, []string{s.name, strconv.Itoa(nodes), yes(s.synced), fmt.Sprintf("%d of %d", synced, probeAppends), fmt.Sprintf("%.1f", perAppend)})
			if s.synced && synced < probeAppends {
				faults = append(faults, fmt.Errorf("%s, %s: only %d of %d answers came after a sync", s.name, plural(nodes, "node"), synced, probeAppends))
			}
		}
	}
	printAligned(w, lines)
	return errors.Join(faults...)
}

func (o options) trace(ctx context.Context, self string, s *system, nodes int) (synced int, perAppend float64, err error) {
	dir, err := os.MkdirTemp(o.dir, "firn-peers-trace-*")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return 0, 0, err
	}
	file := filepath.Join(dir, "trace")
	cmd := exec.CommandContext(ctx, "strace", "-f", "-qq", "-y", "-s", "0", "-o", file, "-e", "trace="+probeCalls, "-e", "signal=none",
		self, "-dir", dir, "-message-db", o.messageDB, "-probe", s.name+"/"+strconv.Itoa(nodes))
	if _, err := output(cmd); err != nil {
		return 0, 0, err
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	t := newTraced(nodes)
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		t.line(lines.Text())
	}
	if err := lines.Err(); err != nil {
		return 0, 0, err
	}
	if t.marks != probeAppends+1 {
		return 0, 0, fmt.Errorf("the trace has %d answers; %d were to be", t.marks, probeAppends+1)
	}
	return t.synced, float64(t.syncs) / probeAppends, nil
}

// traced reads a trace line by line.
type traced struct {
	nodes   int
	always  map[string]bool // files that were opened so that each write is a sync
	pending map[string]call // by thread: begun and not ended
	since   map[string]bool // nodes that synced since the last mark

	marks, synced, syncs int
}

// call is a sync under way.
type call struct {
	file  string
	marks int // how many answers there had been when it began
}

func newTraced(nodes int) *traced {
	return &traced{nodes: nodes, always: map[string]bool{}, pending: map[string]call{}, since: map[string]bool{}}
}

var (
	traceOpen    = regexp.MustCompile(`^(\d+) +openat\(.*?"([^"]*)", ([A-Z_|]+)`)
	traceOpened  = regexp.MustCompile(`= \d+<([^>]*)>$`)
	traceSync    = regexp.MustCompile(`^(\d+) +(fsync|fdatasync|msync|sync_file_range|write|pwrite64|writev|pwritev|pwritev2)\((?:\d+<([^>]*)>)?`)
	traceResumed = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>`)
	traceNode    = regexp.MustCompile(`/data/(n\d+)/`)
)

func (t *traced) line(s string) {
	if m := traceOpen.FindStringSubmatch(s); m != nil {
		t.open(m[2], m[3], s)
		return
	}
	if m := traceSync.FindStringSubmatch(s); m != nil {
		file := m[3]
		if strings.Contains(m[2], "write") && !t.always[file] {
			return
		}
		c := call{file, t.marks}
		if strings.HasSuffix(s, "<unfinished ...>") {
			t.pending[m[1]] = c
		} else if !strings.Contains(s, "= -1") {
			t.end(c)
		}
		return
	}
	if m := traceResumed.FindStringSubmatch(s); m != nil {
		if c, ok := t.pending[m[1]]; ok {
			delete(t.pending, m[1])
			if !strings.Contains(s, "= -1") {
				t.end(c)
			}
		}
	}
}

func (t *traced) open(name, flags, s string) {
	if strings.HasPrefix(name, probeMark) {
		if t.marks > 0 && len(t.since) > t.nodes/2 {
			t.synced++
		}
		t.marks++
		clear(t.since)
		return
	}
	if strings.Contains(flags, "O_SYNC") || strings.Contains(flags, "O_DSYNC") {
		t.always[name] = true
		if m := traceOpened.FindStringSubmatch(s); m != nil {
			t.always[m[1]] = true
		}
	}
}

// end counts a sync that has ended, where it began since the last answer.
func (t *traced) end(c call) {
	if t.marks == 0 || t.marks > probeAppends || c.marks != t.marks {
		return
	}
	node := "n1"
	if m := traceNode.FindStringSubmatch(c.file); m != nil {
		node = m[1]
	}
	t.syncs++
	t.since[node] = true
}
