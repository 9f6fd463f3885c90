package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/dump"
)

// dumpedUnder says under which key a value of values stands, and part of what a
// dump says of it.
var dumpedUnder = map[string]struct {
	key   []byte
	words string
}{
	"applied":                {metaKey(metaApplied), `meta name="applied" index=300 term=2 chain="0123456789abcdef" head=103 `},
	"settings":               {metaKey(metaSettings), `layer_events=65536`},
	"identity":               {metaKey(metaIdentity), `cluster="01000000-`},
	"number":                 {metaKey(metaVersion), `meta name="version" value=300 key="6d76657273696f6e"`},
	"layer":                  {appendLayerKey(nil, prefixLayer, 1), `layer layer=1 first=1 last=100 `},
	"life":                   {appendLifeKey(nil, "order-1", 90), `life stream="order-1" position=90 next=5 deleted=4 deleted_at=77 tombstoned=78 truncated=2 `},
	"life-gone":              {appendLifeKey(nil, "order-1", 90), `gone=3`},
	"removed":                {appendRemovedKey(nil, 2, "order-1"), `removed layer=2 stream="order-1" first_revision=300 events=2 bytes=700 first=101 last=300 hashes=true`},
	"removed-without-hashes": {appendRemovedKey(nil, 2, "order-1"), `last=300 key=`},
	"scavenged":              {metaKey(metaScavenged), `position=300 `},
	"group-progress":         {progressKey("mail"), `group group="mail" created=3 step=300 through=1000 open=[7,900] due=4 retrying=3 parked=2 waiting=1 reached=1200 `},
	"group-aside":            {appendAsideKey(nil, "mail", command.AsideParked, 90, "order-1"), `group-aside group="mail" state="parked" position=90 stream="order-1" revision=300 holds=true attempts=10 `},
	"group-held":             {appendHeldKey(nil, "mail", "order-1"), `group-held group="mail" stream="order-1" state=2 position=90 `},
	"definition":             {appendDefinedKey(nil, command.ClassGroup, "mail", 90), `definition class="group" name="mail" position=90 version=3 `},
	"chunk":                  {appendChunkKey(nil, 2, 101), `order layer=2 first=101 events=3 streams=2 `},
	"snapshots":              {appendSnapshotsKey(nil, "order-1"), `snapshots stream="order-1" folds=["cart"] `},
	"snapshot":               {appendSnapshotKey(nil, "order-1", firn.FoldVersion{0xab, 15: 0xcd}, 99), `revision=99 partial=true state={"items":[]} `},
	"ids":                    {appendIDsKey(nil, 0, 0), `ids layer=0 part=0 hashes=3 `},
}

// TestDumpValues shows one of each value, and whatever is wrong with one.
func TestDumpValues(t *testing.T) {
	d := newDumper(100)
	shown := map[byte]bool{}
	check := func(key, value []byte, words string) {
		t.Helper()
		l := d.line(key, value)
		text := string(l.AppendText(nil))
		if l.Damage != "" || !strings.Contains(text, words) {
			t.Errorf("%s\nwant %s", text, words)
		}
		shown[key[0]] = true
		for what, bad := range map[string][]byte{"empty": nil, "another version": append([]byte{9}, value[min(1, len(value)):]...), "cut short": value[:max(0, len(value)-1)]} {
			if l := d.line(key, bad); len(value) > 0 && l.Damage == "" {
				t.Errorf("%s: %s", what, l.AppendText(nil))
			}
		}
		for n := 1; n < len(key); n++ { // whatever it says, it must not panic
			d.line(key[:n], value)
		}
	}
	for _, v := range values() {
		under, ok := dumpedUnder[v.name]
		if !ok {
			t.Errorf("no word on %s", v.name)
			continue
		}
		check(under.key, v.made, under.words)
	}
	check(appendIndexKey(nil, "order-1", 7), appendNumber(nil, 2), `index stream="order-1" first_revision=7 layer=2`)
	check(chainKey(512), append([]byte{valueVersion}, "01234567"...), `index=512 chain="3031323334353637"`)
	check(appendDueKey(nil, "mail", 1_772_000_000_000_000, 65537, "order-1"), nil, `group-due group="mail" due="2026-02-25T06:13:20.000000Z" position=65537 stream="order-1"`)
	check(appendEventKey(nil, 2, "order-1", 3), record.Encode(&firn.Event{
		Stream: "order-1", Revision: 3, Position: 9, Count: 1, ID: firn.ID{1}, Type: "Placed", Data: []byte(`{"n":1}`), ContentType: firn.JSON, Actor: "ann",
	}), `event layer=2 stream="order-1" revision=3 position=9 `)
	for prefix := range d.kinds {
		if !shown[prefix] {
			t.Errorf("nothing under %c was shown", prefix)
		}
	}
	if l := d.line([]byte("x1"), nil); l.Damage == "" {
		t.Errorf("%s", l.AppendText(nil))
	}
}

// TestDumpHidesHashes shows what defines users.
func TestDumpHidesHashes(t *testing.T) {
	const hash = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
	body := fmt.Appendf(nil, `{"role":"admin","tokens":[{"sha256":%q}]}`, hash)
	d := newDumper(1 << 20)
	v := Definition{Class: command.ClassUser, Name: "ann", Version: 1, Body: body}
	_, event := v.event()
	text := string(d.line(appendDefinedKey(nil, command.ClassUser, "ann", 9), v.append(nil)).AppendText(nil))
	text += string(d.line(appendEventKey(nil, 0, firn.DefinitionsStream, 0), record.Encode(&firn.Event{
		Stream: firn.DefinitionsStream, Position: 9, Count: 1, ID: firn.ID{1}, Type: "$user-defined", Data: event, ContentType: firn.JSON,
	})).AppendText(nil))
	entry := command.AppendEntry(nil, 1, command.AppendItem(nil, &command.Define{ID: firn.ID{1}, Class: command.ClassUser, Name: []byte("ann"), Body: body}))
	err := DumpEntry(entry, 1<<20, func(kind string) *dump.Line { return &dump.Line{Kind: kind} }, func(l *dump.Line) error {
		text += string(l.AppendText(nil))
		return nil
	})
	if err != nil || strings.Contains(text, hash) || strings.Count(text, "…") != 3 {
		t.Errorf("%v: %s", err, text)
	}
}

// TestDumpEntry shows each command, as the vectors have it, and one of a later
// release.
func TestDumpEntry(t *testing.T) {
	draft := record.AppendDraft(nil, &firn.Draft{ID: firn.ID{1}, Type: "Placed", Data: []byte(`{"n":1}`)})
	writes := []command.Write{{Stream: []byte("order-1"), Records: [][]byte{draft, draft[1:]}}, {Stream: []byte("order-2"), Expect: firn.Exists}}
	aside := command.Aside{State: command.AsideDue, Position: 90, Stream: []byte("order-1")}
	for _, c := range []struct {
		item  command.Item
		words []string
	}{
		{&command.Append{Actor: []byte("ann"), Writes: writes}, []string{
			`item item=0 proposed="1970-01-01T00:00:00.000001Z" command="append" actor="ann" writes=2`,
			`draft item=0 stream="order-1" expect="any" id="01000000-0000-0000-0000-000000000000" type="Placed" schema=0 data={"n":1} metadata=null`,
			`draft item=0 stream="order-1" expect="any" damage=`,
			`condition item=0 stream="order-2" expect="exists"`,
		}},
		{&command.AppendAt{Micros: 7, Append: command.Append{Writes: writes[:1]}}, []string{`command="append-at" actor="" time="1970-01-01T00:00:00.000007Z" writes=1`, `type="Placed"`}},
		{&command.Change{Stream: []byte("order-1"), Life: firn.Truncate{Before: 3}}, []string{`command="change" `, `type="$truncated" data={"before":3}`}},
		{&command.Define{Class: command.ClassFold, Name: []byte("cart"), Body: []byte(`{}`)}, []string{`command="define" `, `class="fold" name="cart" expect="any" body={}`}},
		{&command.Settle{Group: []byte("mail"), Step: 7, Removed: []command.Aside{aside}}, []string{`command="settle" group="mail" created=0 step=7 `, `group-aside item=0 change="removed" state="due" position=90 stream="order-1" `}},
		{&command.Found{Cluster: [16]byte{1}}, []string{`command="found" cluster="01000000-`}},
		{&command.Version{To: 2}, []string{`command="version" to=2`}},
		{&command.Snapshot{Stream: []byte("order-1"), Fold: []byte("cart"), State: []byte(`{}`)}, []string{`command="snapshot" actor="" fold="cart" stream="order-1" `, `state={}`}},
		{&command.Scavenge{ID: firn.ID{1}}, []string{`command="scavenge" `}},
	} {
		var text strings.Builder
		err := DumpEntry(command.AppendEntry(nil, 1, command.AppendItem(nil, c.item)), 100, func(kind string) *dump.Line { return &dump.Line{Kind: kind} }, func(l *dump.Line) error {
			text.Write(l.AppendText(nil))
			text.WriteByte('\n')
			return nil
		})
		for _, words := range c.words {
			if err != nil || !strings.Contains(text.String(), words) {
				t.Errorf("%T: %v\n%swant %s", c.item, err, text.String(), words)
			}
		}
	}
	for _, later := range [][]byte{{2, 1, 1}, {1, 1, 1, 200, 0}, nil} {
		err := DumpEntry(later, 100, func(kind string) *dump.Line { return &dump.Line{Kind: kind} }, func(l *dump.Line) error {
			if l.Damage == "" {
				t.Errorf("%x: %s", later, l.AppendText(nil))
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
