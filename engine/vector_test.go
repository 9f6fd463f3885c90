package engine

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/enginetest/vector"
	"github.com/firndb/firn/engine/record"
)

func TestKeyVectors(t *testing.T) {
	const stream = "order-42"
	v := func(name string, key []byte, fields ...vector.Field) vector.Vector {
		return vector.Vector{Name: name, Fields: append(fields, vector.F("prefix of", split(key))), Bytes: key}
	}
	layer, position := vector.F("layer", 258), vector.F("position", 65537)
	vector.Check(t, "testdata/keys", []vector.Vector{
		v("event", appendEventKey(nil, 258, stream, 7), layer, vector.F("stream", stream), vector.F("revision", 7)),
		v("event-utf8", appendEventKey(nil, 0, "größe-ß", 1<<40), vector.F("layer", 0), vector.F("stream", "größe-ß"), vector.F("revision", 1<<40)),
		v("index", appendIndexKey(nil, stream, 7), vector.F("stream", stream), vector.F("first revision", 7)),
		v("layer", appendLayerKey(nil, prefixLayer, 258), layer),
		v("life", appendLifeKey(nil, stream, 65537), vector.F("stream", stream), position),
		v("chunk", appendChunkKey(nil, 258, 65537), layer, position),
		v("ids", appendIDsKey(nil, 258, 3), layer, vector.F("part", 3)),
		v("removed", appendRemovedKey(nil, 258, stream), layer, vector.F("stream", stream)),
		v("defined", appendDefinedKey(nil, command.ClassFold, "cart", 65537), vector.F("class", int(command.ClassFold)), vector.F("name", "cart"), position),
		v("snapshots", appendSnapshotsKey(nil, stream), vector.F("stream", stream)),
		v("snapshot", appendSnapshotKey(nil, stream, firn.FoldVersion{0xab, 15: 0xcd}, 7), vector.F("stream", stream), vector.F("version", firn.FoldVersion{0xab, 15: 0xcd}), vector.F("revision", 7)),
		v("group-progress", progressKey("mail"), vector.F("group", "mail")),
		v("group-aside", appendAsideKey(nil, "mail", command.AsideParked, 65537, stream), vector.F("group", "mail"), vector.F("state", command.AsideParked), position, vector.F("stream", stream)),
		v("group-held", appendHeldKey(nil, "mail", stream), vector.F("group", "mail"), vector.F("stream", stream)),
		v("group-due", appendDueKey(nil, "mail", 1_772_000_000_000_000, 65537, stream), vector.F("group", "mail"), vector.F("due", 1_772_000_000_000_000), position, vector.F("stream", stream)),
		v("meta", metaKey(metaApplied), vector.F("name", metaApplied)),
		v("chain", chainKey(512), vector.F("name", metaChain), vector.F("index", 512)),
	})
}

// values has one of each value, and how it is read.
func values() []struct {
	name string
	made []byte
	read func(value []byte) (any, error)
} {
	tail := newTail(2, 101)
	for i := range 3 {
		s, ok := tail.stream(fmt.Sprint("order-", i%2))
		if !ok {
			s = tail.touch(fmt.Sprint("order-", i%2))
		}
		tail.recs = append(tail.recs, rec{revision: uint64(10 + i), place: uint32(i), stream: s})
	}
	p := progress{index: 300, term: 2, chain: 0x0123456789abcdef, head: 103, time: 1_772_000_000_000_000, layer: 2, first: 101,
		totals: totals{systemEvents: 1, streams: 2, systemStreams: 3, bytes: 4444, changes: 5, shared: 6, snapshots: 7}}
	s := sealed{number: 1, first: 1, last: 100, firstTime: 10, lastTime: 20, bytes: 5000, parts: 4}
	sum := summary{categories: names{list: []string{"order"}}, types: names{list: []string{"A", "B"}, more: true}}
	life := lifeState{next: 5, deleted: 4, deletedAt: 77, tombstoned: 78, truncated: 2, maxAge: 3_600_000_000, maxCount: 10, metadata: 3}
	scavengedLife := life
	scavengedLife.gone = 3
	removedKey := appendRemovedKey(nil, 2, "order-1")
	bare := removed{first: 300, bytes: 700, events: []removedEvent{{101, 1_772_000_000_000_000, record.Digest{1}}, {300, 1_772_000_000_000_300, record.Digest{2}}}}
	left := bare
	left.hashes = []uint64{0x0123456789abcdef, 3}
	settings := Settings{LayerEvents: 65536, LayerBytes: 32 << 20, Window: 4 << 20}
	id := identity{cluster: [16]byte{1}, history: [16]byte{2}}
	defined := Definition{Version: 3, Time: record.Time(1_772_000_000_000_000), Actor: "ann", Body: []byte(`{"all":true}`)}
	definedKey := appendDefinedKey(nil, command.ClassGroup, "mail", 90)
	progress := GroupProgress{Created: 3, Step: 300, Through: 1000, Reached: 1200, Open: []firn.Position{7, 900}, Counts: command.Counts{Due: 4, Retrying: 3, Parked: 2, Waiting: 1}}
	set := command.Aside{State: command.AsideParked, Position: 90, Stream: []byte("order-1"), Holds: true, Revision: 300, Attempts: 10, Parked: 1_772_000_000_000_000, Reason: []byte("no such address")}
	layerKey := appendLayerKey(nil, prefixLayer, 1)
	version := firn.FoldVersion{0xab, 15: 0xcd}
	snapshots := snapshotList{folds: []foldSnapshots{{name: "cart", version: version, saved: 90, kept: []keptSnapshot{{0, 2}, {99, 300}}}}}
	snapshotsKey, snapshotKey := appendSnapshotsKey(nil, "order-1"), appendSnapshotKey(nil, "order-1", version, 99)
	chunkKey := appendChunkKey(nil, 2, 101)
	lifeKey := appendLifeKey(nil, "order-1", 90)
	return []struct {
		name string
		made []byte
		read func(value []byte) (any, error)
	}{
		{"applied", p.append(nil), func(b []byte) (any, error) { v, err := parseProgress(b); return v, err }},
		{"settings", settings.append(nil), func(b []byte) (any, error) { v, err := parseSettings(b); return v, err }},
		{"identity", id.append(nil), func(b []byte) (any, error) { v, err := parseIdentity(b); return v, err }},
		{"number", appendNumber(nil, 300), func(b []byte) (any, error) { v, err := parseNumber(metaKey(metaVersion), b); return v, err }},
		{"layer", s.append(nil, [32]byte{9}, &sum), func(b []byte) (any, error) {
			s, digest, sum, err := parseSealed(layerKey, b)
			return fmt.Sprintf("%+v digest %x %+v", s, digest, sum), err
		}},
		{"life", life.append(nil), func(b []byte) (any, error) {
			l, err := parseLife(lifeKey, b)
			if err != nil {
				return nil, err
			}
			return *l, nil
		}},
		{"life-gone", scavengedLife.append(nil), func(b []byte) (any, error) {
			l, err := parseLife(lifeKey, b)
			if err != nil {
				return nil, err
			}
			return *l, nil
		}},
		{"removed", left.append(nil, removedKey), func(b []byte) (any, error) {
			r, err := parseRemoved(removedKey, b)
			if err != nil {
				return nil, err
			}
			return *r, nil
		}},
		{"removed-without-hashes", bare.append(nil, removedKey), func(b []byte) (any, error) {
			r, err := parseRemoved(removedKey, b)
			if err != nil {
				return nil, err
			}
			return *r, nil
		}},
		{"scavenged", appendScavenges(nil, []scavenged{{77, 1_772_000_000_000_000, 0}, {300, 1_772_000_000_000_001, 2}}), func(b []byte) (any, error) {
			return parseScavenges(metaKey(metaScavenged), b)
		}},
		{"group-progress", progress.append(nil), func(b []byte) (any, error) {
			g, err := parseGroupProgress(progressKey("mail"), b)
			if err != nil {
				return nil, err
			}
			return *g, nil
		}},
		{"group-aside", appendAside(nil, &set), func(b []byte) (any, error) {
			a, err := parseAside(appendAsideKey(nil, "mail", command.AsideParked, 90, "order-1"), b)
			return fmt.Sprintf("state %d position %d %s/%d attempts %d due %d parked %d flags %d: %s", a.State, a.Position, a.Stream, a.Revision, a.Attempts, a.Due, a.Parked, a.Flags(), a.Reason), err
		}},
		{"group-held", appendHeld(nil, &set), func(b []byte) (any, error) {
			state, p, err := parseHeldBy(appendHeldKey(nil, "mail", "order-1"), b)
			return fmt.Sprintf("state %d position %d", state, p), err
		}},
		{"definition", defined.append(nil), func(b []byte) (any, error) {
			d, err := parseDefinition(definedKey, b)
			return fmt.Sprintf("%s %s %d @%d %s by %q: %s", d.Class, d.Name, d.Version, d.Position, d.Time, d.Actor, d.Body), err
		}},
		{"chunk", appendChunk(nil, &tail.view, 0, 3), func(b []byte) (any, error) {
			c, err := parseChunk(chunkKey, b)
			if err != nil {
				return nil, err
			}
			return *c, nil
		}},
		{"snapshots", snapshots.append(nil), func(b []byte) (any, error) {
			l, err := parseSnapshotList(snapshotsKey, b)
			if err != nil {
				return nil, err
			}
			return *l, nil
		}},
		{"snapshot", appendSnapshotValue(nil, snapshotKey, []byte(`{"items":[]}`), true), func(b []byte) (any, error) {
			state, partial, err := parseSnapshotValue(snapshotKey, b)
			return fmt.Sprintf("state %s, partial %t", state, partial), err
		}},
		{"ids", appendIDs(nil, []idEntry{{7, 0}, {7, 4}, {1 << 63, 9}}), func(b []byte) (any, error) { return parseIDs(nil, appendIDsKey(nil, 0, 0), b) }},
	}
}

func TestValueVectors(t *testing.T) {
	var made []vector.Vector
	for _, value := range values() {
		means, err := value.read(value.made)
		if err != nil {
			t.Errorf("%s: %v", value.name, err)
		}
		made = append(made, vector.Vector{Name: value.name, Bytes: value.made, Fields: []vector.Field{vector.Expect("ok"), {Key: "means", Value: fmt.Sprintf("%+v", means)}}})
		for what, bad := range map[string][]byte{
			"bad-version": append([]byte{9}, value.made[1:]...), "bad-cut-short": value.made[:len(value.made)-1], "bad-bytes-behind": append(bytes.Clone(value.made), 0),
		} {
			if _, err := value.read(bad); err == nil {
				t.Errorf("%s: %s was taken", value.name, what)
			}
			made = append(made, vector.Vector{Name: value.name + "-" + what, Bytes: bad, Fields: []vector.Field{vector.Expect("damaged")}})
		}
	}
	vector.Check(t, "testdata/values", made)
}

// testImage is the image of two files, which make no store.
func testImage(t testing.TB) (ImageInfo, []byte) {
	fs := vfs.NewMem()
	if err := fs.MkdirAll("c", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"000004.sst": "a table", "MANIFEST-000001": ""} {
		f, err := fs.Create("c/"+name, vfs.WriteCategoryUnspecified)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(text))
		f.Close()
	}
	info := ImageInfo{Index: 300, Term: 2, Head: 103, Chain: 1, Cluster: [16]byte{1}, History: [16]byte{2}, Extra: []byte("x")}
	var image bytes.Buffer
	if err := WriteImage(fs, "c", info, ImageOptions{unchecked: true}, &image); err != nil {
		t.Fatal(err)
	}
	return info, image.Bytes()
}

func TestImageVectors(t *testing.T) {
	info, image := testImage(t)
	held, err := receive(vfs.NewMem(), "e", bytes.NewReader(image))
	if err != nil || !reflect.DeepEqual(held, info) {
		t.Fatalf("received %+v (%v), sent %+v", held, err, info)
	}
	made := []vector.Vector{{Name: "two-files", Bytes: image, Fields: []vector.Field{
		vector.Expect("ok"), vector.F("index", info.Index), vector.F("term", info.Term), vector.F("head", info.Head), vector.F("chain", info.Chain),
		{Key: "cluster", Value: fmt.Sprintf("%x", info.Cluster)}, {Key: "history", Value: fmt.Sprintf("%x", info.History)}, vector.F("extra", info.Extra),
		vector.F("file", "000004.sst"), vector.F("holds", "a table"), vector.F("file", "MANIFEST-000001"), vector.F("holds", ""),
	}}}
	change := func(name string, at int, to byte) {
		bad := bytes.Clone(image)
		bad[at] = to
		made = append(made, vector.Vector{Name: name, Bytes: bad})
	}
	change("bad-magic", 0, 'X')
	change("bad-version", len(imageMagic), 2)
	change("bad-head", len(imageMagic)+4, 0xee)
	change("bad-name", bytes.Index(image, []byte("000004.sst")), '/')
	change("bad-file", bytes.Index(image, []byte("a table")), 'b')
	change("bad-trailer", len(image)-1, image[len(image)-1]^1)
	made = append(made, vector.Vector{Name: "bad-cut-short", Bytes: image[:len(image)-1]})
	for i := range made {
		if v := &made[i]; v.Fields == nil {
			_, err := receive(vfs.NewMem(), "e", bytes.NewReader(v.Bytes))
			if err == nil {
				t.Errorf("%s was taken", v.Name)
			}
			v.Fields = []vector.Field{vector.Expect(asError(err).Kind.String())}
		}
	}
	vector.Check(t, "testdata/image", made)
}

func FuzzReceiveImage(f *testing.F) {
	_, image := testImage(f)
	f.Add(image)
	f.Add(image[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		fs := vfs.NewMem()
		if _, err := ReceiveImage(fs, "e", bytes.NewReader(b)); err == nil {
			t.Error("bytes that hold no store were taken for an image")
		}
		if left, _ := fs.List("e"); len(left) > 0 {
			t.Errorf("a refused image left %q behind", left)
		}
	})
}

func FuzzValues(f *testing.F) {
	for _, value := range values() {
		f.Add(value.made)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, value := range values() {
			value.read(b)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add(appendEventKey(nil, 1, "order-1", 3), appendLifeKey(nil, "order-1", 3))
	f.Add(appendSnapshotsKey(nil, "order-1"), appendSnapshotKey(nil, "order-1", firn.FoldVersion{}, 3))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		// Split and the order must agree, whatever the keys.
		pa, pb := a[:split(a)], b[:split(b)]
		if c := bytes.Compare(pa, pb); c != 0 && c != bytes.Compare(a, b) {
			t.Errorf("%q and %q: the prefixes %q and %q are in another order", a, b, pa, pb)
		}
		if next := immediateSuccessor(nil, pa); split(next) != len(next) || bytes.Compare(next, pa) <= 0 {
			t.Errorf("the prefix after %q is %q, whose prefix is %q", pa, next, next[:split(next)])
		}
		if layer, stream, revision, ok := parseEventKey(a); ok && !bytes.Equal(appendEventKey(nil, layer, stream, revision), a) {
			t.Errorf("%q is taken for another key's parts", a)
		}
	})
}

func TestErrorKindsOfImages(t *testing.T) {
	if _, err := ReceiveImage(vfs.NewMem(), "e", bytes.NewReader([]byte("#!/bin/sh and more"))); asError(err).Kind == firn.ErrDamaged {
		t.Errorf("bytes that are no image at all: %v", err)
	}
}
