package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firndb/firn"
)

// datedEvents is a file of an event for each time, written as CloudEvents have
// it; "" is an event without one.
func datedEvents(times ...string) string {
	var b strings.Builder
	for i, at := range times {
		if at != "" {
			at = `"time":"` + at + `",`
		}
		fmt.Fprintf(&b, `{"specversion":"1.0","id":"d-%d","source":"test","type":"T","subject":"order-%d",%s"data":{}}`+"\n", i, i%2, at)
	}
	return b.String()
}

// recorded lists the times that events have and, behind a slash, those at which
// they occurred.
func (c *cli) recorded() string {
	c.t.Helper()
	var all []string
	for e, err := range c.db.Read(c.t.Context(), firn.Query{All: true}) {
		if err != nil {
			c.t.Fatal(err)
		}
		text := e.Time.Format("2006-01-02")
		if !e.Occurred.IsZero() {
			text += "/" + e.Occurred.Format("2006-01-02")
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func TestImportKeepsTimes(t *testing.T) {
	for _, test := range []struct {
		name    string
		times   []string
		own     int
		note    string // on standard error
		want    string
		flags   []string
		already bool // there is an event before
	}{
		{
			name:  "in the order of time",
			times: []string{"2010-10-01T00:00:00Z", "2010-10-01T00:00:00Z", "2010-10-02T01:00:00+02:00", "", "2011-01-01T00:00:00Z"},
			own:   5, want: "2010-10-01/2010-10-01 2010-10-01/2010-10-01 2010-10-01/2010-10-01 2010-10-01 2011-01-01/2011-01-01",
		},
		{
			name:  "back in the middle",
			times: []string{"2010-10-01T00:00:00Z", "2010-10-03T00:00:00Z", "2010-10-02T00:00:00Z", "2010-10-04T00:00:00Z"},
			own:   2, note: ":3: from here on events are recorded under the time of the import, and their own is kept as occurred: the time 2010-10-02T00:00:00.000000Z is before",
			want: "2010-10-01/2010-10-01 2010-10-03/2010-10-03 2026-03-01/2010-10-02 2026-03-01/2010-10-04",
		},
		{
			name: "behind others", already: true,
			times: []string{"2010-10-01T00:00:00Z"},
			note:  ":1: from here on",
			want:  "2026-03-01 2026-03-01/2010-10-01",
		},
		{
			name:  "of the future",
			times: []string{"2010-10-01T00:00:00Z", "2077-01-01T00:00:00Z"},
			own:   1, note: ":2: from here on events are recorded under the time of the import, and their own is kept as occurred: the time 2077-01-01T00:00:00.000000Z is ahead",
			want: "2010-10-01/2010-10-01 2026-03-01/2077-01-01",
		},
		{
			name:  "without a time at first",
			times: []string{"", "2010-10-01T00:00:00Z"},
			note:  ":1: from here on events are recorded under the time of the import, and their own is kept as occurred: no event up to here has a time",
			want:  "2026-03-01 2026-03-01/2010-10-01",
		},
		{name: "nothing at all"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCLI(t)
			if test.already {
				c.ok("append", "a-1", "--type", "T")
			}
			path := file(t, datedEvents(test.times...))
			r := c.run("", "import", path, "--keep-time")
			if r.status != exitDone || !strings.Contains(r.out, fmt.Sprintf(`"events":%d,"appended":%d,"already_stored":0,"refused":0,"own_time":%d}`, len(test.times), len(test.times), test.own)) {
				t.Fatalf("exit %d: %s%s", r.status, r.out, r.err)
			}
			if !strings.Contains(r.err, test.note) || (test.note == "") != (r.err == "") {
				t.Errorf("on standard error:\n%s\nwant in it\n%s", r.err, test.note)
			}
			if got := c.recorded(); got != test.want {
				t.Errorf("recorded are\n%s\nwant\n%s", got, test.want)
			}
			if r := c.run("", "import", path, "--keep-time"); r.status != exitDone || !strings.Contains(r.err, "imported already") {
				t.Errorf("once more: exit %d: %s", r.status, r.err)
			}
		})
	}
}

// TestImportThatKeepsTimesGoesOn ends an import and goes on, without a gap and
// without an event twice, also where its first lines are wrong.
func TestImportThatKeepsTimesGoesOn(t *testing.T) {
	c := newCLI(t)
	lines := strings.SplitAfter(datedEvents("2010-10-01T00:00:00Z", "2010-10-02T00:00:00Z", "2010-10-02T00:00:00Z", "2010-10-03T00:00:00Z", "2010-10-03T00:00:00Z"), "\n")
	first := "{}\n" + lines[0] + lines[1] + lines[2]
	if r := c.run("", "import", file(t, first), "--keep-time", "--name", "x"); r.status != exitOther || !strings.Contains(r.out, `"events":3,"appended":3,"already_stored":0,"refused":1,"own_time":3}`) {
		t.Fatalf("exit %d: %s%s", r.status, r.out, r.err)
	}
	whole := first + lines[3] + lines[4]
	if out := c.ok("import", file(t, whole), "--keep-time", "--name", "x"); !strings.Contains(out, `"events":5,"appended":2,"already_stored":0,"refused":1,"own_time":2}`) {
		t.Fatal(out)
	}
	if got, want := c.recorded(), "2010-10-01/2010-10-01 2010-10-02/2010-10-02 2010-10-02/2010-10-02 2010-10-03/2010-10-03 2010-10-03/2010-10-03"; got != want {
		t.Errorf("recorded are\n%s\nwant\n%s", got, want)
	}
	if got := strings.Count(c.ok("read", "--all", "--at", "2010-10-02T12:00:00Z"), "\n"); got != 3 {
		t.Errorf("as of the second day there are %d events, want 3", got)
	}
	c.ok("append", "order-1", "--type", "T")
	if !strings.HasSuffix(c.recorded(), " 2026-03-01") {
		t.Errorf("what is appended afterwards has another time than now: %s", c.recorded())
	}
}

func TestImportKeepsTimesOverTCP(t *testing.T) {
	o := startNodes(t, 1)
	path := file(t, datedEvents("2010-10-01T00:00:00Z", "2010-10-02T00:00:00Z", "2010-10-02T00:00:00Z"))
	o.want(0, `"own_time":3}`, "import", path, "--keep-time")
	o.want(0, `"time":"2010-10-02T00:00:00.000000Z"`, "read", "order-1")
	if got := strings.Count(o.run("", "read", "--all", "--at", "2010-10-01").out, "\n"); got != 1 {
		t.Errorf("as of the first day there are %d events, want 1", got)
	}
	o.want(0, `{"ok":true,`, "verify")
	o.want(0, `"first_position":`, "append", "order-1", "--type", "T")
	o.want(0, `is before that of the store's last event`, "import", file(t, strings.ReplaceAll(datedEvents("2010-10-03T00:00:00Z"), "d-0", "late")), "--keep-time", "--name", "late")
}
