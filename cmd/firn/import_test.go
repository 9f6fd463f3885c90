package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/firndb/firn"
)

// cloudEvents is a file of n events in a few streams, in an order that goes to
// and fro between them.
func cloudEvents(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"specversion":"1.0","id":"e-%d","source":"test","type":"T","subject":"order-%d","time":"2010-10-02T07:20:%02dZ","data":{"n":%d.0}}`+"\n",
			i, i*i%7, i%60, i)
	}
	return b.String()
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.ndjson")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var firntime = regexp.MustCompile(`"firntime":"[^"]*",`)

func TestImportKeepsTheOrderOfTheFile(t *testing.T) {
	c := newCLI(t)
	c.ok("import", file(t, cloudEvents(200)))
	lines := strings.Split(strings.TrimSpace(c.ok("export")), "\n")
	if len(lines) != 200 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		if !strings.Contains(line, fmt.Sprintf(`"id":"e-%d","source":"test"`, i)) {
			t.Fatalf("line %d is %s", i, line)
		}
	}
	if got := strings.Count(c.ok("streams"), "\n"); got != 4 {
		t.Errorf("%d streams", got)
	}
}

func TestExportImportExportIsTheSame(t *testing.T) {
	a, b := newCLI(t), newCLI(t)
	a.ok("append", "a-1", "--type", "T", "--data", `{"x": 1.50}`, "--metadata", `{ "who": "me" }`)
	a.ok("append", "b-1", "--type", "T")
	a.ok("append", "a-1", "--type", "T", "--data", `[]`, "--schema", "3")
	a.ok("truncate", "a-1", "--before", "1")
	a.ok("import", file(t, cloudEvents(50)))
	first := a.ok("export")
	path := filepath.Join(t.TempDir(), "x.gz")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte(first))
	z.Close()
	os.WriteFile(path, zipped.Bytes(), 0o600)
	b.ok("import", path)
	second := b.ok("export")
	if x, y := firntime.ReplaceAllString(first, ""), firntime.ReplaceAllString(second, ""); x != y {
		t.Errorf("first\n%s\nsecond\n%s", x, y)
	}
}

func TestImportGoesOnAfterABadLine(t *testing.T) {
	c := newCLI(t)
	lines := strings.SplitAfter(cloudEvents(9), "\n")
	lines[2] = "{\n"
	lines[4] = `{"specversion":"1.0","id":"x","source":"s","type":"$T","subject":"order-1"}` + "\n" // the store refuses it
	lines[5] = strings.Replace(lines[5], `"id":"e-5"`, `"id":"e-3"`, 1)                             // id reused, in another stream or not
	lines[7] = strings.Replace(lines[7], `"subject":"order-0"`, `"subject":"order-2"`, 1)
	path := file(t, strings.Join(lines, ""))
	r := c.run("", "import", path)
	if r.status != exitOther || !strings.Contains(r.err, path+":3: not JSON") || !strings.Contains(r.err, path+":5: ") || !strings.Contains(r.err, "2 lines of 9 not imported") {
		t.Errorf("exit %d\n%s", r.status, r.err)
	}
	if got := strings.Count(c.ok("read", "--all"), "\n"); got != 7 {
		t.Errorf("%d events", got)
	}
	c.fails(exitOther, "stopped at line 3, which is wrong; the lines up to 2 are imported", "import", path, "--again", "--strict", "--name", "strict")
	refused := file(t, lines[0]+lines[1]+lines[4]+lines[6]) // by the store, once the whole file was read
	c.fails(exitOther, "stopped at line 3, which is wrong; the lines up to 2 are imported", "import", refused, "--strict")
	again := c.run("", "import", path)
	if again.status != exitDone || !strings.Contains(again.err, "is imported already: 7 events of 9 lines") {
		t.Errorf("exit %d\n%s", again.status, again.err)
	}
}

func TestImportAgainDuplicatesNothing(t *testing.T) {
	c := newCLI(t)
	path := file(t, cloudEvents(120))
	before := c.ok("import", path)
	if !strings.Contains(before, `"events":120,"appended":120,"already_stored":0,"refused":0`) {
		t.Errorf("printed %s", before)
	}
	first := c.ok("export")
	for _, words := range [][]string{{"import", path}, {"import", path, "--again"}, {"import", path, "--name", "other", "--batch", "7"}} {
		c.ok(words...)
		if c.ok("export") != first {
			t.Errorf("%v changed the store", words)
		}
	}
	if got := c.run(cloudEvents(120), "import", "-"); got.status != 0 || !strings.Contains(got.err, "imported already") {
		t.Errorf("the same bytes from standard input: exit %d\n%s", got.status, got.err)
	}
}

// TestImportCutOff stops an import after every possible append, loses answers
// on the way, and starts it again: the outcome is always the same.
func TestImportCutOff(t *testing.T) {
	whole := newCLI(t)
	text := cloudEvents(60)
	path := file(t, text)
	whole.ok("import", path, "--batch", "8")
	want := firntime.ReplaceAllString(whole.ok("export"), "")
	for stop := range 20 {
		c := newCLI(t)
		random := rand.New(rand.NewPCG(1, uint64(stop)))
		appends := 0
		c.db.refuse = func([]firn.Write) error {
			if appends++; appends > stop {
				return errors.New("killed")
			}
			return nil
		}
		c.db.lose = func(writes []firn.Write) error {
			if random.IntN(3) == 0 {
				return firn.Errorf(firn.ErrUnknown, "the answer was lost")
			}
			return nil
		}
		r := c.run("", "import", path, "--batch", "8")
		c.db.refuse = nil
		for attempt := 0; r.status != exitDone && attempt < 30; attempt++ {
			r = c.run("", "import", path, "--batch", fmt.Sprint(8+attempt%2))
		}
		if got := firntime.ReplaceAllString(c.ok("export"), ""); stripPositions(got) != stripPositions(want) {
			t.Fatalf("cut off after %d appends:\n%s\nwant\n%s", stop, got, want)
		}
	}
}

var positions = regexp.MustCompile(`"firnposition":\d+,`)

func stripPositions(s string) string { return positions.ReplaceAllString(s, "") }

func TestTwoImportsOfOneFileAtOnce(t *testing.T) {
	c := newCLI(t)
	path := file(t, cloudEvents(30))
	started := false
	c.db.refuse = func(writes []firn.Write) error {
		if !started && len(writes) > 1 {
			started = true
			c.db.mu.Unlock()
			defer c.db.mu.Lock()
			c.ok("import", path)
		}
		return nil
	}
	c.fails(exitConflict, "another import of the same file", "import", path)
	if got := strings.Count(c.ok("read", "--all"), "\n"); got != 30 {
		t.Errorf("%d events", got)
	}
}

func TestImportOfANamedFileThatGrows(t *testing.T) {
	c := newCLI(t)
	text := cloudEvents(20)
	cut := strings.Index(text, `{"specversion":"1.0","id":"e-12"`)
	for _, part := range []string{text[:cut], text[:cut], text} {
		if r := c.run(part, "import", "-", "--name", "feed"); r.status != 0 {
			t.Fatalf("exit %d: %s", r.status, r.err)
		}
	}
	if got := strings.Count(c.ok("read", "--all"), "\n"); got != 20 {
		t.Errorf("%d events", got)
	}
}

func TestImportOfADamagedFile(t *testing.T) {
	c := newCLI(t)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte(cloudEvents(3000)))
	z.Close()
	r := c.run(string(zipped.Bytes()[:zipped.Len()/2]), "import", "-")
	if r.status != exitOther || !strings.Contains(r.err, "cannot be read after line") {
		t.Errorf("exit %d: %s", r.status, r.err)
	}
	c.fails(exitUsage, "no such file", "import", "/does/not/exist")
	c.fails(exitUsage, "is a directory", "import", t.TempDir())
	c.fails(exitUsage, "--batch 0", "import", "x", "--batch", "0")
	if got := strings.Count(c.ok("read", "--all"), "\n"); got < 500 {
		t.Errorf("only %d events", got)
	}
}

func TestImportWithoutALeaderGivesUp(t *testing.T) {
	c := newCLI(t)
	c.db.refuse = func(writes []firn.Write) error {
		if len(writes) > 1 {
			return firn.Errorf(firn.ErrUnavailable, "there is no leader")
		}
		return nil
	}
	path := file(t, cloudEvents(3))
	r := c.fails(exitUnavailable, "firn import "+path, "import", path, "--timeout", "300ms")
	if !strings.Contains(r.err, "there is no leader") {
		t.Error(r.err)
	}
}

// TestImportOnATerminal holds that the bar is drawn, and that the lines on
// standard error stay whole beside it.
func TestImportOnATerminal(t *testing.T) {
	c := newCLI(t)
	c.terminal = true
	path := file(t, cloudEvents(2000)+"{\n")
	r := c.run("", "import", path)
	if r.status != exitOther || !strings.Contains(r.err, path+":2001: not JSON") || !strings.Contains(r.err, "import") || !strings.Contains(r.out, "events          2000\n") {
		t.Errorf("exit %d\n%s\n%q", r.status, r.out, r.err)
	}
	if r := c.run("\uFEFF"+cloudEvents(10), "import", "-", "--name", "feed"); r.status != exitDone {
		t.Errorf("exit %d: %s", r.status, r.err)
	}
	if r := c.run("", "export"); r.status != exitDone || strings.Count(r.out, "\n") != 2000 {
		t.Errorf("exit %d, %d lines", r.status, strings.Count(r.out, "\n"))
	}
}
