package backup

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/enginetest/vector"
)

func testManifest() *Manifest {
	return &Manifest{
		Name: "20260301T120000Z", Taken: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC), Node: "n1", Release: "1.0.0",
		Cluster: firn.ID{1}, History: firn.ID{2}, Index: 300, Term: 2, Position: 103, Chain: 0xfeed,
		Time: time.Date(2026, 3, 1, 11, 59, 59, 0, time.UTC),
		Files: []File{
			{"000004.sst", 7, Sum{0xab, 31: 0xcd}},
			{"MANIFEST-000001", 0, Sum{31: 1}},
		},
	}
}

func TestManifestVectors(t *testing.T) {
	whole := testManifest()
	text := string(whole.append(nil))
	empty := &Manifest{Name: "20260301T120000Z-2", Taken: whole.Taken, Cluster: firn.ID{1}, History: firn.ID{2}, Index: 1, Term: 1}
	var made []vector.Vector
	for name, m := range map[string]*Manifest{"two-files": whole, "no-events": empty} {
		b := m.append(nil)
		if again, err := parseManifest(b); err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%s: read as %+v (%v), written was %+v", name, again, err, m)
		}
		made = append(made, vector.Vector{Name: name, Bytes: b, Fields: []vector.Field{
			vector.Expect("ok"), vector.F("name", m.Name), vector.F("position", m.Position), vector.F("index", m.Index), vector.F("files", len(m.Files)), vector.F("bytes", m.Bytes()),
		}})
	}
	change := func(name, from, to string) {
		made = append(made, vector.Vector{Name: name, Bytes: []byte(strings.Replace(text, from, to, 1))})
	}
	change("bad-format", `"format":1`, `"format":2`)
	change("bad-position", `"position":103`, `"position":104`)
	change("bad-file", `"bytes":7,"sha256":"ab`, `"bytes":7,"sha256":"ac`)
	change("bad-end", "\n{\"sha256\"", "\n{\"sha255\"")
	change("bad-json", `{"format"`, `{format`)
	made = append(made, vector.Vector{Name: "bad-cut-short", Bytes: []byte(text[:strings.LastIndexByte(text[:len(text)-1], '\n')+1])})
	// What says itself that it is whole, and is no manifest.
	sealed := func(name string, change func(*Manifest)) {
		m := testManifest()
		change(m)
		made = append(made, vector.Vector{Name: name, Bytes: m.append(nil)})
	}
	sealed("bad-name", func(m *Manifest) { m.Name = "../up" })
	sealed("bad-path", func(m *Manifest) { m.Files[0].Name = "a/b" })
	sealed("bad-order", func(m *Manifest) { m.Files[0], m.Files[1] = m.Files[1], m.Files[0] })
	for i := range made {
		if v := &made[i]; v.Fields == nil {
			_, err := parseManifest(v.Bytes)
			if err == nil {
				t.Errorf("%s was taken", v.Name)
				continue
			}
			v.Fields = []vector.Field{vector.Expect(kindOf(err).String())}
		}
	}
	vector.Check(t, "testdata/manifest", made)
}

func FuzzManifest(f *testing.F) {
	f.Add(testManifest().append(nil))
	f.Add([]byte("{}\n{}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseManifest(b)
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if strings.ContainsAny(file.Name, "/\\") || file.Name[0] == '.' {
				t.Errorf("a file is called %q", file.Name)
			}
		}
	})
}
