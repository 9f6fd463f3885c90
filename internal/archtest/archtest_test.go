package archtest

import (
	"flag"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var update = flag.Bool("update", false, "write the list of imports in docs/architecture.md anew")

const (
	root = "../.."
	page = root + "/docs/architecture.md"
)

func TestDrawing(t *testing.T) {
	s, err := readSources(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		before, _, after, err := cut(string(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(page, []byte(before+draw(s).String()+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	drawn, err := parseDrawing(string(text))
	if err != nil {
		t.Fatal("docs/architecture.md: ", err)
	}
	for _, fault := range compare(drawn, draw(s)) {
		t.Error(fault)
	}
	if t.Failed() {
		t.Log("if the sources are right: go test ./internal/archtest -update")
	}
}

func TestSeparations(t *testing.T) {
	s, err := readSources(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range meetings(s, separations) {
		t.Error(fault)
	}
	for _, outside := range beyondStandard(s["firn"]) {
		t.Errorf("the root package imports %s; the words stand on the standard library alone", outside)
	}
}

// Apply is deterministic and time is given to it; whole clusters run on a clock
// of the test's own. The folders here may look at no clock and roll no die,
// apart from these files. What they learn from it gets into nothing that apply
// decides by.
var clocksAllowed = map[string]string{
	"engine/subscription/messages.go":     "measures how long a consumer took",
	"engine/subscription/subscription.go": "when it is time for a checkpoint at the head",

	"replication/clock.go":     "measures what has passed since the others' clocks vouched for this one's, so that a jump is noticed",
	"replication/coalescer.go": "reports how long an entry took to commit",
	"replication/disk.go":      "the watchdog measures how long a write hangs",
	"replication/exchange.go":  "measures how long a peer's answer took, to compare clocks",
	"replication/images.go":    "keeps the log for a while after an image has left",
	"replication/lead.go":      "makes the ids of a new cluster, once, on the node that proposes them",
	"replication/logger.go":    "says the same thing once in a while",
	"replication/options.go":   "the default of Options.Now, which stamps proposals",
	"replication/propose.go":   "how long the leader has been silent, which is no part of a proposal",
	"replication/pulse.go":     "how long a learner has been silent, before it gets a vote",
	"replication/reads.go":     "reports how long a round of reads took",
	"replication/watch.go":     "the watchdog measures how long a leader refuses",

	"replication/peer/call.go":      "a call's deadline, which travels as a duration",
	"replication/peer/handshake.go": "a connection's deadline",
	"replication/peer/secure.go":    "a connection's deadline",
	"replication/peer/stall.go":     "measures how long a connection stands still, and sets deadlines",
	"replication/raftlog/log.go":    "reports how long a sync took",
}

func TestNoClockNoChance(t *testing.T) {
	found, err := chance(os.DirFS(root), "engine", "replication")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range slices.Sorted(maps.Keys(found)) {
		if len(found[file]) > 0 && clocksAllowed[file] == "" {
			t.Errorf("%s uses %s; take the time from a command or an option, or say in clocksAllowed why it harms nobody",
				file, strings.Join(found[file], ", "))
		}
	}
	for _, file := range slices.Sorted(maps.Keys(clocksAllowed)) {
		if len(found[file]) == 0 {
			t.Errorf("%s may look at the clock (%s) and does not; take it out of clocksAllowed", file, clocksAllowed[file])
		}
	}
}

// planted is a small module with a fault of every kind.
func planted() fs.FS {
	file := func(imports ...string) *fstest.MapFile {
		src := "package p\n"
		for _, i := range imports {
			src += "import " + i + "\n"
		}
		return &fstest.MapFile{Data: []byte(src)}
	}
	return fstest.MapFS{
		"words.go":               file(`"fmt"`, `"golang.org/x/text/width"`),
		"words_test.go":          file(`"github.com/firndb/firn/engine"`),
		"client/client.go":       file(`"github.com/firndb/firn/wire"`),
		"wire/wire.go":           file(`"github.com/firndb/firn"`, `"github.com/firndb/firn/engine"`),
		"engine/engine.go":       file(`"github.com/cockroachdb/pebble/v2/vfs"`),
		"engine/open_windows.go": file(`"github.com/firndb/firn"`),
		"engine/clock.go": {Data: []byte("package p\nimport (\n\tclock \"time\"\n\t\"math/rand/v2\"\n)\n" +
			"var _ = clock.Now\nvar _ = clock.Second\nvar _ = rand.Int\n")},
		"engine/calm.go":             {Data: []byte("package p\nimport \"time\"\nvar time2 struct{ Now int }\nvar _ = time2.Now\nvar _ time.Time\n")},
		"engine/enginetest/sleep.go": {Data: []byte("package p\nimport \"time\"\nvar _ = time.Sleep\n")},
		"peers/go.mod":               {Data: []byte("module peers\n")},
		"peers/peers.go":             file(`"github.com/firndb/firn/client"`),
		"engine/testdata/x.go":       file(`"github.com/firndb/firn/client"`),
		"_old/x.go":                  file(`"github.com/firndb/firn/client"`),
	}
}

// Every fault that is planted is found, by name, and nothing else is.
func TestPlantedFaultsAreFound(t *testing.T) {
	s, err := readSources(planted())
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := parseDrawing("# A page\n```sh\ngo test\n```\n```text\n" +
		"client: imports firn, wire\nengine: imports firn\nfirn: imports nothing\nwire: imports firn\nserver: imports wire\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "compare", compare(drawn, draw(s)), []string{
		"client imports firn in the drawing, not in the sources",
		"the sources have the package engine/enginetest, the drawing does not",
		"the drawing has the package server, the sources do not",
		"server imports wire in the drawing, not in the sources",
		"wire imports engine in the sources, not in the drawing",
	})
	expect(t, "meetings", meetings(s, []separation{
		{"client", []string{"github.com/cockroachdb/pebble", "github.com/hashicorp/raft", "engine"}, "why"},
		{"engine", []string{"client", "github.com/cockroachdb/pebbles"}, "why"},
		{"gone", nil, "why"},
	}), []string{
		"client → wire → engine → github.com/cockroachdb/pebble: why",
		"client → wire → engine: why",
		"there is a rule for the package gone, which the sources do not have",
	})
	expect(t, "beyondStandard", beyondStandard(s["firn"]), []string{"golang.org/x/text/width"})

	found, err := chance(planted(), "engine")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "chance", found["engine/clock.go"], []string{"math/rand/v2", "time.Now"})
	delete(found, "engine/clock.go")
	for file, uses := range found {
		if len(uses) > 0 {
			t.Errorf("%s is charged with %v", file, uses)
		}
	}
}

func TestDrawingIsReadStrictly(t *testing.T) {
	for page, want := range map[string]string{
		"no block":                                       "no fenced block",
		"```\na: imports b\nc -> d\n```":                 `"c -> d"`,
		"```\na: imports b\na: imports c```":             "a twice",
		"```\na: imports b\n```\n```\nc: imports d\n```": "two fenced blocks",
	} {
		if _, err := parseDrawing(page); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", page, err, want)
		}
	}
	const lines = "a: imports b, c\nb: imports nothing\n"
	before, got, after, err := cut("text ```x``` \n```text\n" + lines + "```\nmore")
	if err != nil || got != lines || before != "text ```x``` \n```text\n" || after != "```\nmore" {
		t.Errorf("cut into %q, %q, %q (error: %v)", before, got, after, err)
	}
	if d, err := parseDrawing("```\n" + lines + "```"); err != nil || d.String() != lines {
		t.Errorf("read and printed again: %q (error: %v)", d, err)
	}
}

func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, g := range only(got, want) {
		t.Errorf("%s: not planted, but found: %s", what, g)
	}
	for _, w := range only(want, got) {
		t.Errorf("%s: planted, not found: %s", what, w)
	}
}
