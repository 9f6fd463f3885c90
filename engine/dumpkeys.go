package engine

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/internal/dump"
)

func (d *dumper) event(l *dump.Line, key, value []byte) error {
	layer, stream, revision, ok := parseEventKey(key)
	if !ok {
		return damagedKey(key)
	}
	e, err := d.decoder.Event(string(stream), value)
	if err != nil {
		return err
	}
	l.Uint("layer", uint64(layer))
	l.Text("stream", string(stream))
	l.Uint("revision", revision)
	l.Uint("position", uint64(e.Position))
	l.Text("id", e.ID.String())
	l.Text("type", e.Type)
	l.Uint("schema", uint64(e.Schema))
	l.Time("time", e.Time)
	l.Uint("index", uint64(e.Index))
	l.Uint("count", uint64(e.Count))
	if e.Stream == firn.DefinitionsStream && strings.HasPrefix(e.Type, "$"+command.ClassUser.String()) {
		e.Data = dump.HideHashes(e.Data)
	}
	d.payloads(l, e.ContentType, e.Data, e.Metadata)
	if e.CorrelationID != "" {
		l.Text("correlation_id", e.CorrelationID)
	}
	if e.CausationID != "" {
		l.Text("causation_id", e.CausationID)
	}
	if !e.Occurred.IsZero() {
		l.Time("occurred", e.Occurred)
	}
	if e.Actor != "" {
		l.Text("actor", e.Actor)
	}
	return nil
}

func (d *dumper) payloads(l *dump.Line, contentType string, data, metadata []byte) {
	l.Payload("data", data, d.max)
	l.Payload("metadata", metadata, d.max)
	if contentType != "" && contentType != firn.JSON {
		l.Text("content_type", contentType)
	}
}

func (d *dumper) index(l *dump.Line, key, value []byte) error {
	stream, first, ok := parseNamed(key[1:])
	if !ok {
		return damagedKey(key)
	}
	layer, err := parseNumber(key, value)
	l.Text("stream", string(stream))
	l.Uint("first_revision", first)
	l.Uint("layer", layer)
	return err
}

func (d *dumper) layer(l *dump.Line, key, value []byte) error {
	s, digest, sum, err := parseSealed(key, value)
	if err != nil {
		return err
	}
	l.Uint("layer", uint64(s.number))
	l.Uint("first", uint64(s.first))
	l.Uint("last", uint64(s.last))
	l.Time("first_time", record.Time(s.firstTime))
	l.Time("last_time", record.Time(s.lastTime))
	l.Uint("bytes", s.bytes)
	l.Uint("id_parts", uint64(s.parts))
	l.Hex("digest", digest[:])
	l.Texts("categories", sum.categories.list)
	l.Flag("more_categories", sum.categories.more)
	l.Texts("types", sum.types.list)
	l.Flag("more_types", sum.types.more)
	return nil
}

func (d *dumper) life(l *dump.Line, key, value []byte) error {
	stream, position, ok := parseNamed(key[1:])
	if !ok {
		return damagedKey(key)
	}
	s, err := parseLife(key, value)
	if err != nil {
		return err
	}
	l.Text("stream", string(stream))
	l.Uint("position", position)
	l.Uint("next", s.next)
	for _, n := range []struct {
		name  string
		value uint64
	}{
		{"deleted", s.deleted}, {"deleted_at", uint64(s.deletedAt)}, {"tombstoned", uint64(s.tombstoned)}, {"truncated", s.truncated},
		{"max_age_us", s.maxAge}, {"max_count", s.maxCount}, {"metadata", s.metadata}, {"gone", s.gone},
	} {
		if n.value > 0 {
			l.Uint(n.name, n.value)
		}
	}
	return nil
}

func (d *dumper) chunk(l *dump.Line, key, value []byte) error {
	c, err := parseChunk(key, value)
	if err != nil {
		return err
	}
	l.Uint("layer", uint64(binary.BigEndian.Uint32(key[1:])))
	l.Uint("first", uint64(c.first))
	l.Uint("events", uint64(len(c.events)))
	l.Uint("streams", uint64(len(c.names)))
	return nil
}

func (d *dumper) ids(l *dump.Line, key, value []byte) error {
	if len(key) != 1+4+2 {
		return damagedKey(key)
	}
	entries, err := parseIDs(nil, key, value)
	l.Uint("layer", uint64(binary.BigEndian.Uint32(key[1:])))
	l.Uint("part", uint64(binary.BigEndian.Uint16(key[5:])))
	l.Uint("hashes", uint64(len(entries)))
	return err
}

func (d *dumper) removed(l *dump.Line, key, value []byte) error {
	layer, stream, ok := parseRemovedKey(key)
	if !ok {
		return damagedKey(key)
	}
	r, err := parseRemoved(key, value)
	if err != nil {
		return err
	}
	l.Uint("layer", uint64(layer))
	l.Text("stream", string(stream))
	l.Uint("first_revision", r.first)
	l.Uint("events", uint64(len(r.events)))
	l.Uint("bytes", r.bytes)
	l.Uint("first", uint64(r.events[0].position))
	l.Uint("last", uint64(r.events[len(r.events)-1].position))
	l.Flag("hashes", r.hashes != nil)
	return nil
}

func (d *dumper) definition(l *dump.Line, key, value []byte) error {
	v, err := parseDefinition(key, value)
	if err != nil {
		return err
	}
	l.Text("class", v.Class.String())
	l.Text("name", v.Name)
	l.Uint("position", uint64(v.Position))
	l.Uint("version", v.Version)
	l.Time("time", v.Time)
	l.Text("actor", v.Actor)
	d.body(l, v.Class, v.Body)
	return nil
}

// body shows what a definition says; null where it ended.
func (d *dumper) body(l *dump.Line, class command.Class, body []byte) {
	if class == command.ClassUser && len(body) > 0 {
		body = dump.HideHashes(body)
	}
	l.Payload("body", body, d.max)
}

func (d *dumper) group(l *dump.Line, key, value []byte) error {
	name, rest, ok := parseGroupKey(key)
	if !ok {
		return damagedKey(key)
	}
	l.Text("group", name)
	var a command.Aside
	switch rest[0] {
	case groupProgress:
		g, err := parseGroupProgress(key, value)
		if err != nil {
			return err
		}
		settlement(l, g.Created, g.Step, g.Through, g.Open, &g.Counts)
		l.Uint("reached", uint64(g.Reached))
	case groupAside:
		if !parseAsideKey(rest, &a) {
			return damagedKey(key)
		}
		v, err := parseAside(key, value)
		if err != nil {
			return err
		}
		d.aside(l, &v)
	case groupHeld:
		state, position, err := parseHeldBy(key, value)
		if err != nil {
			return err
		}
		l.Kind = "group-held"
		l.Text("stream", string(rest[1:]))
		l.Uint("state", uint64(state))
		l.Uint("position", uint64(position))
	case groupDue:
		if !parseDueKey(rest, &a) {
			return damagedKey(key)
		}
		l.Kind = "group-due"
		l.Time("due", record.Time(int64(a.Due)))
		l.Uint("position", uint64(a.Position))
		l.Text("stream", string(a.Stream))
	default:
		return damagedKey(key)
	}
	return nil
}

// settlement shows where a group stands.
func settlement(l *dump.Line, created firn.Position, step uint64, through firn.Position, open []firn.Position, c *command.Counts) {
	l.Uint("created", uint64(created))
	l.Uint("step", step)
	l.Uint("through", uint64(through))
	list := make([]uint64, len(open))
	for i, p := range open {
		list[i] = uint64(p)
	}
	l.Uints("open", list)
	l.Uint("due", c.Due)
	l.Uint("retrying", c.Retrying)
	l.Uint("parked", c.Parked)
	l.Uint("waiting", c.Waiting)
}

func (d *dumper) aside(l *dump.Line, a *command.Aside) {
	l.Kind = "group-aside"
	state := "due"
	if a.State == command.AsideParked {
		state = "parked"
	}
	l.Text("state", state)
	l.Uint("position", uint64(a.Position))
	l.Text("stream", string(a.Stream))
	l.Uint("revision", a.Revision)
	l.Flag("holds", a.Holds)
	l.Flag("replay", a.Replay)
	l.Uint("attempts", uint64(a.Attempts))
	l.Time("due", moment(a.Due))
	l.Time("parked", moment(a.Parked))
	l.Text("reason", string(a.Reason))
}

func moment(micros uint64) (t time.Time) {
	if micros > 0 {
		t = record.Time(int64(micros))
	}
	return t
}

func (d *dumper) snapshots(l *dump.Line, key, value []byte) error {
	if len(key) < 3 || key[len(key)-1] != nameEnd {
		return damagedKey(key)
	}
	list, err := parseSnapshotList(key, value)
	if err != nil {
		return err
	}
	l.Text("stream", string(key[1:len(key)-1]))
	var folds, versions []string
	var kept []uint64
	for i := range list.folds {
		folds = append(folds, list.folds[i].name)
		versions = append(versions, list.folds[i].version.String())
		kept = append(kept, uint64(len(list.folds[i].kept)))
	}
	l.Texts("folds", folds)
	l.Texts("versions", versions)
	l.Uints("kept", kept)
	return nil
}

func (d *dumper) snapshot(l *dump.Line, key, value []byte) error {
	stream, rest, ok := bytes.Cut(key[1:], []byte{nameEnd})
	var version firn.FoldVersion
	if !ok || len(rest) != len(version)+8 {
		return damagedKey(key)
	}
	state, partial, err := parseSnapshotValue(key, value)
	if err != nil {
		return err
	}
	copy(version[:], rest)
	d.foldState(l, string(stream), version, binary.BigEndian.Uint64(rest[len(version):]), partial, state)
	return nil
}

func (d *dumper) foldState(l *dump.Line, stream string, version firn.FoldVersion, revision uint64, partial bool, state []byte) {
	l.Text("stream", stream)
	l.Text("version", version.String())
	l.Uint("revision", revision)
	l.Flag("partial", partial)
	if stream == firn.DefinitionsStream {
		state = dump.HideHashes(state)
	}
	l.Payload("state", state, d.max)
}

func (d *dumper) meta(l *dump.Line, key, value []byte) error {
	name, _, isChain := strings.Cut(string(key[1:]), "\x00")
	l.Text("name", name)
	switch {
	case isChain && name == metaChain && len(key) == len(chainKey(0)):
		r := readValue(value)
		hash := r.fixed64()
		if !r.done() {
			return damagedValue(key, value)
		}
		l.Uint("index", binary.BigEndian.Uint64(key[len(key)-8:]))
		l.Hex("chain", binary.BigEndian.AppendUint64(nil, hash))
	case isChain:
		return damagedKey(key)
	case name == metaApplied:
		p, err := parseProgress(value)
		if err != nil {
			return err
		}
		applied(l, &p)
	case name == metaSettings:
		s, err := parseSettings(value)
		if err != nil {
			return err
		}
		l.Uint("layer_events", uint64(s.LayerEvents))
		l.Uint("layer_bytes", uint64(s.LayerBytes))
		l.Uint("window", s.Window)
	case name == metaIdentity:
		i, err := parseIdentity(value)
		if err != nil {
			return err
		}
		l.Text("cluster", firn.ID(i.cluster).String())
		l.Text("history", firn.ID(i.history).String())
	case name == metaScavenged:
		all, err := parseScavenges(key, value)
		if err != nil {
			return err
		}
		last := all[len(all)-1]
		l.Uint("position", uint64(last.position))
		l.Time("time", record.Time(last.time))
		l.Uint("scavenges", uint64(len(all)))
	case name == metaVersion, name == metaFormat, name == metaSwept:
		n, err := parseNumber(key, value)
		if err != nil {
			return err
		}
		l.Uint("value", n)
	default:
		return damagedKey(key)
	}
	return nil
}

func applied(l *dump.Line, p *progress) {
	l.Uint("index", p.index)
	l.Uint("term", p.term)
	l.Hex("chain", binary.BigEndian.AppendUint64(nil, p.chain))
	l.Uint("head", uint64(p.head))
	l.Time("time", record.Time(p.time))
	l.Uint("open_layer", uint64(p.layer))
	l.Uint("open_first", uint64(p.first))
	l.Uint("streams", p.totals.streams)
	l.Uint("system_events", p.totals.systemEvents)
	l.Uint("system_streams", p.totals.systemStreams)
	l.Uint("bytes", p.totals.bytes)
	l.Uint("changes", p.totals.changes)
	l.Uint("category_limits", p.totals.shared)
	l.Uint("snapshots", p.totals.snapshots)
}
