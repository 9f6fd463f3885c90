package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/firndb/firn"
	"github.com/firndb/firn/bench"
	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/wire"
)

// benchStore answers from memory what bench asks for.
type benchStore struct {
	benchBase
	benchOthers
	closed    *bool
	statusErr error
}

// benchBase is memory, where groups are not asked for, or an embedded node.
type benchBase interface {
	firn.Store
	firn.Groups
	firn.History
}

type benchMemory struct {
	firn.Store
	noGroups
	firn.History // none: nothing but mixed asks for it
}

type benchOthers struct{ store } // one level deeper, so that the base's methods come first

func (s benchStore) Close() error { *s.closed = true; return nil }

// Status and Stats are of two nodes in one process, and one in another.
func (s benchStore) Status(context.Context, string) (wire.ClusterStatus, error) {
	return wire.ClusterStatus{Nodes: []wire.NodeStatus{{Address: "a:1"}, {Address: "a:2"}, {Address: "b:1"}}}, s.statusErr
}

func (s benchStore) Stats(_ context.Context, address string) (wire.Stats, error) {
	return wire.Stats{Bytes: 100, Figures: []wire.Figure{
		{Name: "process", Value: uint64(address[0])}, {Name: "process_cpu_us", Value: 5}, {Name: "process_memory_bytes", Value: 7}, {Name: "written_bytes", Value: 11},
	}}, nil
}

func TestBenchUsage(t *testing.T) {
	got, err := nodesUsage(t.Context(), benchStore{})
	if want := (bench.Usage{CPU: 10 * time.Microsecond, Memory: 14, Written: 33, Stored: 300}); err != nil || got != want {
		t.Errorf("got %+v (error: %v), want %+v", got, err, want)
	}
	var r benchRun
	r.statusErr = firn.Errorf(firn.ErrForbidden, "planted")
	if err := r.run(t, benchTiny(t, "append", "--clients", "1", "-o", "json")...); err != nil {
		t.Fatal(err)
	}
	if said := r.err.String(); !strings.Contains(said, "left out: planted") || strings.Contains(r.out.String(), "memory_bytes") {
		t.Errorf("said %q, printed %q", said, &r.out)
	}
}

// benchRun runs `firn bench` with the words and returns what it printed.
type benchRun struct {
	out, err  bytes.Buffer
	dialled   string
	dials     int
	closed    bool
	started   []int
	dirs      []string
	stopped   int
	restarted int
	startErr  error
	terminal  bool
	base      benchBase // nil: memory

	statusErr error
}

func (r *benchRun) run(t *testing.T, words ...string) error {
	t.Helper()
	c := &console{
		out: &r.out, err: &r.err, env: func(string) string { return "" }, terminalErr: r.terminal,
		dial: func(_ context.Context, addrs string) (store, error) {
			r.dialled, r.dials = addrs, r.dials+1
			if r.base == nil {
				r.base = benchMemory{Store: firn.Memory()}
			}
			return benchStore{benchBase: r.base, closed: &r.closed, statusErr: r.statusErr}, nil
		},
	}
	start := func(_ context.Context, nodes int, dir string) (benchCluster, error) {
		r.started, r.dirs = append(r.started, nodes), append(r.dirs, dir)
		return benchCluster{
			addrs:   "127.0.0.1:1",
			stop:    func() error { r.stopped++; return nil },
			restart: func(context.Context) (time.Duration, error) { r.restarted++; return time.Second, nil },
		}, r.startErr
	}
	root := &cobra.Command{Use: "firn", SilenceErrors: true, SilenceUsage: true}
	c.globalFlags(root)
	root.AddCommand(newBenchCommand(c, start))
	root.SetArgs(append([]string{"bench"}, words...))
	return root.ExecuteContext(t.Context())
}

// benchTiny are the words with flags before them that make a run short.
func benchTiny(t *testing.T, words ...string) []string {
	return append([]string{"--duration", "5ms", "--warm-up", "1ms", "--runs", "1", "--streams", "2", "--rate", "5000", "--size", "64", "--dir", t.TempDir()}, words...)
}

func TestBenchPrintsOneLineAFigure(t *testing.T) {
	embedded, err := server.Embed(t.TempDir(), server.EmbedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer embedded.Close()
	r := benchRun{base: embedded}
	if err := r.run(t, benchTiny(t, "all", "--clients", "1,2", "-o", "json", "--addr", "10.0.0.1:7400")...); err != nil {
		t.Fatal(err)
	}
	var figures []string
	for line := range strings.Lines(r.out.String()) {
		var f struct {
			Workload string
			Clients  int
			Size     int
			Events   float64 `json:"events_per_s"`
			Floor    float64 `json:"floor_per_s"`
			FloorUs  float64 `json:"floor_us"`
		}
		d := json.NewDecoder(strings.NewReader(line))
		if err := d.Decode(&f); err != nil || f.Workload != "group" && (f.Events <= 0 || f.Floor+f.FloorUs <= 0) || f.Size != 64 {
			t.Errorf("line %q: %+v (error: %v)", line, f, err)
		}
		figures = append(figures, f.Workload+strings.Repeat("+", f.Clients))
	}
	want := []string{"append+", "append++", "batch+", "batch++", "load+", "load++", "scan+", "scan++",
		"category+", "category++", "category-rare+", "category-rare++", "catch-up+", "subscribe+", "subscribe++", "group+", "group++", "mixed+", "mixed++", "interference+", "interference++"}
	if !slices.Equal(figures, want) {
		t.Errorf("figures %v, want %v", figures, want)
	}
	if r.dialled != "10.0.0.1:7400" || !r.closed || len(r.started) > 0 || r.err.Len() > 0 {
		t.Errorf("dialled %q, closed %t, started %v, on stderr %q", r.dialled, r.closed, r.started, &r.err)
	}
}

func TestBenchTable(t *testing.T) {
	r := benchRun{terminal: true}
	if err := r.run(t, benchTiny(t, "scan,append", "--clients", "2", "-o", "table")...); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(r.out.String(), "\n")
	if len(lines) < 3 || !strings.HasPrefix(lines[0], "workload") || !strings.HasPrefix(lines[1], "scan ") || !strings.HasPrefix(lines[2], "append ") {
		t.Errorf("printed %q", &r.out)
	}
	if progress := r.err.String(); !strings.Contains(progress, "scan, 2 clients: run 1 of 1") || !strings.HasSuffix(progress, eraseLine) {
		t.Errorf("progress %q; want the run named, and the line cleared at the end", progress)
	}
}

func TestBenchProfile(t *testing.T) {
	var r benchRun
	file := filepath.Join(t.TempDir(), "cpu")
	if err := r.run(t, benchTiny(t, "append", "--clients", "1", "--cpu-profile", file)...); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		t.Errorf("the profile is %d bytes (error: %v), and not what pprof writes", len(b), err)
	}
}

func TestBenchGrowth(t *testing.T) {
	var r benchRun
	if err := r.run(t, benchTiny(t, "growth", "--nodes", "1", "--sizes", "60,100", "--clients", "2", "-o", "json")...); err != nil {
		t.Fatal(err)
	}
	var figures []string
	for line := range strings.Lines(r.out.String()) {
		var f struct{ Workload string }
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		figures = append(figures, f.Workload)
	}
	if want := []string{"fill-60", "append-60", "load-60", "start-60", "fill-100", "append-100", "load-100", "start-100"}; !slices.Equal(figures, want) || r.restarted != 2 {
		t.Errorf("figures %v, want %v; started anew %d times, want once a size", figures, want, r.restarted)
	}
}

// Nodes are started anew where they were, once all have ended.
func TestBenchClusterRestarts(t *testing.T) {
	l := &fakeLauncher{}
	c := &console{launch: l}
	cluster, err := c.startForBench(t.Context(), 3, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if took, err := cluster.restart(t.Context()); err != nil || took < 0 {
		t.Fatalf("started anew in %v (error: %v)", took, err)
	}
	for i, n := range l.nodes {
		if n.closed != (i < 3) {
			t.Errorf("node %d of 6 is closed: %t", i, n.closed)
		}
		if again := l.started[i%3]; l.started[i].Dir != again.Dir || l.started[i].Listen != again.Listen {
			t.Errorf("started %+v, then %+v", again, l.started[i])
		}
	}
	if err := cluster.stop(); err != nil || len(l.nodes) != 6 || !l.nodes[5].closed {
		t.Errorf("%d nodes were started (error: %v); want 6, and all closed at the end", len(l.nodes), err)
	}
	l.err = errors.New("planted: the port is taken")
	if _, err := cluster.restart(t.Context()); !errors.Is(err, l.err) {
		t.Errorf("got %v, want the launcher's error", err)
	}
	if err := cluster.stop(); err != nil {
		t.Errorf("no node runs, and stopping them says %v", err)
	}
}

func TestBenchReport(t *testing.T) {
	var r benchRun
	file := filepath.Join(t.TempDir(), "page.html")
	if err := r.run(t, benchTiny(t, "append", "--clients", "1", "--report", file)...); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), "<h2>append</h2>") || !strings.HasSuffix(string(b), "</html>\n") {
		t.Errorf("the page is %d bytes (error: %v), and not whole", len(b), err)
	}
}

func TestBenchStartsItsOwnCluster(t *testing.T) {
	var r benchRun
	dir := t.TempDir()
	if err := r.run(t, benchTiny(t, "append", "--nodes", "3", "--clients", "1", "--connections", "3", "-o", "json", "--dir", dir)...); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.started, []int{3}) || r.stopped != 1 || !r.closed || r.dialled != "127.0.0.1:1" || r.dials != 3 {
		t.Errorf("started %v, stopped %d times, client closed %t, dialled %q %d times", r.started, r.stopped, r.closed, r.dialled, r.dials)
	}
	if !strings.Contains(r.out.String(), `"nodes":3,`) {
		t.Errorf("printed %s", &r.out)
	}
	if inside, err := filepath.Rel(dir, r.dirs[0]); err != nil || strings.HasPrefix(inside, "..") {
		t.Errorf("the data was in %s, not in --dir %s", r.dirs[0], dir)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBenchRefusesBadInput(t *testing.T) {
	for _, test := range []struct {
		words string
		want  string
	}{
		{"", "WORKLOAD is missing"},
		{"apend", `no workload "apend"; there are append, batch, load, scan, category, subscribe, group, mixed, interference and growth`},
		{"append --nodes 2", "want 1 or 3"},
		{"append --nodes 1 --addr 127.0.0.1:7400", "give one of the two"},
		{"append --clients 0", "0 clients"},
		{"subscribe --rate -1", "-1 appends per second"},
		{"append --connections 0", "--connections 0"},
		{"append,sacn", `no workload "sacn"`},
		{"load --lengths 0", "streams of 0 events"},
		{"load --shape Q", `no shape "Q"`},
		{"load --shape S --lengths 10", "a shape says how long its streams are"},
		{"load --events -1", "-1 events"},
		{"growth --sizes 100,100", "a store of 100 events; give sizes of 1 to"},
		{"load --skew 11", "a skew of 11"},
		{"load --skew NaN", "a skew of NaN"},
		{"append --arrivals -5", "-5 calls per second"},
		{"append --size 100000 --runs -1", "-1 runs; give 1 or more; events of 100000 bytes"},
		{"append --nodes 1 --dir ./does-not-exist", "does-not-exist"},
		{"append --report ./does-not-exist/page.html", "--report"},
		{"append --cpu-profile ./does-not-exist/cpu", "--cpu-profile"},
	} {
		var r benchRun
		err := r.run(t, strings.Fields(test.words)...)
		if err == nil || !strings.Contains(err.Error(), test.want) || !errors.Is(err, firn.ErrInvalid) {
			t.Errorf("bench %s: got %v, want %q", test.words, err, test.want)
		}
		if r.out.Len() > 0 || len(r.started) > 0 {
			t.Errorf("bench %s: printed %q, started %v", test.words, &r.out, r.started)
		}
	}
	r := benchRun{startErr: errors.New("planted: the port is taken")}
	if err := r.run(t, benchTiny(t, "append", "--nodes", "1")...); !errors.Is(err, r.startErr) {
		t.Errorf("got %v, want the cluster's own error", err)
	}
}
