package wire_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

func page(t *testing.T, name string) string {
	text, err := os.ReadFile("../../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section returns a page from one heading to the next of its level.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("there is no section %q", heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	return rest
}

// rows returns the cells of a section's table rows that begin with a number.
func rows(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if regexp.MustCompile(`^\d+$`).MatchString(cells[0]) {
			all = append(all, cells)
		}
	}
	return all
}

// TestMessagesPage holds the list of messages of docs/protocol.md against the
// code, and the number of each body's fields against a sample.
func TestMessagesPage(t *testing.T) {
	fields := map[wire.Kind]int{}
	for _, s := range samples() {
		fields[s.message.Kind()] = int(s.message.AppendBody(nil)[0] & 0x0f)
	}
	var got, want []string
	text := page(t, "protocol.md")
	for _, cells := range rows(section(t, text, "Messages")) {
		got = append(got, cells[0]+" "+cells[1])
		body := strings.Trim(cells[3], "`")
		if name, ok := strings.CutPrefix(cells[3], "the fields of "); ok {
			_, body, _ = strings.Cut(text, name+" = `")
			body, _, _ = strings.Cut(body, "`")
		}
		var k wire.Kind
		fmt.Sscan(cells[0], &k)
		if n := count(body); n != fields[k] {
			t.Errorf("docs/protocol.md gives %v %d fields (%s), the code %d", k, n, body, fields[k])
		}
	}
	for _, k := range wire.Kinds() {
		want = append(want, fmt.Sprintf("%d %v", k, k))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("docs/protocol.md lists the messages\n%q\nthe code\n%q", got, want)
	}
}

// count counts the fields of a body as the page draws it: the commas at its
// first level.
func count(body string) int {
	if body == "[]" {
		return 0
	}
	n, depth := 1, 0
	for _, c := range body {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		case ',':
			if depth == 1 {
				n++
			}
		}
	}
	return n
}

// TestLimitsPage holds the limits that docs/protocol.md gives against the code.
func TestLimitsPage(t *testing.T) {
	limits := section(t, page(t, "protocol.md"), "Handshake")
	l := wire.DefaultLimits()
	for name, value := range map[string]uint64{
		"frame bytes": l.FrameBytes, "event bytes": l.EventBytes, "append bytes": l.AppendBytes,
		"append events": l.AppendEvents, "name bytes": l.NameBytes,
	} {
		if row := regexp.MustCompile(fmt.Sprintf(`\| %s[^|]*\| %d \|`, name, value)); !row.MatchString(limits) {
			t.Errorf("docs/protocol.md does not give the limit of %s as %d", name, value)
		}
	}
	if want := fmt.Sprintf("at most %d bytes", wire.HelloBytesMax); !strings.Contains(limits, want) {
		t.Errorf("docs/protocol.md does not say that Hello has %s", want)
	}
}

// TestErrorPages holds both lists of error kinds against the code, and asks for
// a paragraph on each.
func TestErrorPages(t *testing.T) {
	errorsPage := page(t, "errors.md")
	lists := map[string][][]string{
		"docs/protocol.md": rows(section(t, page(t, "protocol.md"), "Errors")),
		"docs/errors.md":   rows(errorsPage),
	}
	var want []string
	for _, k := range firn.Kinds() {
		want = append(want, fmt.Sprintf("%d %v %v", k, k, (&firn.Error{Kind: k}).Retry()))
		if text := section(t, errorsPage, k.String()); len(strings.TrimSpace(text)) < 60 {
			t.Errorf("docs/errors.md says too little on %v", k)
		}
	}
	link := regexp.MustCompile(`^\[([a-z-]+)\]\(#([a-z-]+)\)$`)
	for name, list := range lists {
		var got []string
		for _, cells := range list {
			if m := link.FindStringSubmatch(cells[1]); m != nil {
				cells[1] = m[1]
			}
			got = append(got, strings.Join(cells[:3], " "))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s lists the errors\n%q\nthe code\n%q", name, got, want)
		}
	}
}

// TestConversationPage holds the bytes of the connection that docs/protocol.md
// shows against the code.
func TestConversationPage(t *testing.T) {
	text := section(t, page(t, "protocol.md"), "A connection, byte by byte")
	for _, m := range []struct {
		call    uint64
		message wire.Message
	}{
		{0, &wire.Hello{VersionMin: 1, VersionMax: 1}}, {1, &wire.Head{}}, {1, &wire.HeadAt{}},
	} {
		b := wire.AppendFrame(nil, m.call, m.message)
		if want := fmt.Sprintf("%x %x %x %x %x", b[:4], b[4:5], b[5:6], b[6:14], b[14:]); !strings.Contains(text, want) {
			t.Errorf("docs/protocol.md does not show %v as %s", m.message.Kind(), want)
		}
	}
}
