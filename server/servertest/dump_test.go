package servertest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/servertest"
)

// TestDump prints what a stopped node has, whole and damaged, and changes nothing.
func TestDump(t *testing.T) {
	t.Parallel()
	p := servertest.Spawn(t, 1)
	db := p.Dial()
	const events = 60
	for i := range events {
		data := fmt.Appendf(nil, `{"n":%d,"text":"%0300d"}`, i, i)
		if _, err := db.Append(t.Context(), firn.To(fmt.Sprintf("order-%d", i%3), firn.Any, firn.Draft{Type: "Placed", Data: data})); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"truncate", "order-1", "--before", "2", "--yes"}, {"scavenge"}, {"group", "create", "mail", "--category", "order"}} {
		servertest.Firn(t, "", append(args, "--addr", p.Addresses)...).Want(t, 0)
	}
	dir := p.Dir(0)
	servertest.Firn(t, "", "dump", dir).Want(t, 5, "in use")
	p.Stop(0)

	before := files(t, dir)
	whole := servertest.Firn(t, "", "dump", dir)
	whole.Want(t, 0, "\nengine event layer=0 stream=\"order-2\" revision=19 ", "\nengine layer layer=0 first=1 ", "\nengine life ", "\nengine group group=\"mail\"",
		"\nraft entry index=1 term=1 type=\"configuration\"", "\nraft draft index=", "\nraft stable name=\"CurrentTerm\"", ` data_start="{\"n\":59,`)
	if n := strings.Count(whole.Out, "engine event "); n != events-2+2+1 { // less what was scavenged; the system's
		t.Errorf("%d events", n)
	}
	var lines int
	asJSON := servertest.Firn(t, "", "dump", dir, "-o", "json", "--whole")
	for line := range strings.Lines(asJSON.Out) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil || object["part"] == nil || object["kind"] == nil {
			t.Fatalf("%s: %v", line, err)
		}
		lines++
	}
	asJSON.Want(t, 0, fmt.Sprintf(`"data":{"n":59,"text":"%0300d"}`, 59))
	if n := strings.Count(whole.Out, "\n"); n != lines || n < 3*events {
		t.Errorf("%d lines of text, %d of JSON", n, lines)
	}
	servertest.Firn(t, "", "dump", dir, "--raft", "--from", "9", "--limit", "1").Want(t, 0, "raft entry index=9 ")
	few := servertest.Firn(t, "", "dump", dir, "--engine", "--keys", "l,m")
	few.Want(t, 0, `engine meta name="applied"`)
	if strings.Contains(few.Out, "engine event") || strings.Contains(few.Out, "raft") {
		t.Error("there is more than was asked for")
	}
	_, key, _ := strings.Cut(few.Out, `key="`)
	key = key[:strings.IndexByte(key, '"')]
	servertest.Firn(t, "", "dump", dir, "--engine", "--from", key, "--limit", "1").Want(t, 0, "engine layer layer=0 ")
	if !maps.Equal(files(t, dir), before) {
		t.Error("files were changed")
	}

	tables, err := filepath.Glob(filepath.Join(dir, "engine/data/*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("there are no tables: %v", err)
	}
	found := 0
	for _, path := range tables {
		damaged := copied(t, dir)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[16] ^= 0x10 // in the first block of keys
		write(t, filepath.Join(damaged, "engine/data", filepath.Base(path)), string(b))
		ran := servertest.Firn(t, "", "dump", damaged)
		if ran.Status == 0 && ran.Out == whole.Out { // a table that is not used any more
			continue
		}
		ran.Want(t, 7, "engine unreadable damage=", "\nraft entry index=1 ")
		if found++; found > 1 {
			continue
		}
		if err := os.RemoveAll(filepath.Join(damaged, "engine")); err != nil {
			t.Fatal(err)
		}
		servertest.Firn(t, "", "dump", damaged).Want(t, 7, "is missing", "raft entry index=1 ") // the rest is printed
	}
	if found == 0 {
		t.Error("no damage was found")
	}
}
