package tcp

import (
	"bytes"

	"github.com/firndb/firn"
	"github.com/firndb/firn/server/wire"
)

// define answers Define. Like an append, it goes on once the node has it.
func (j job) define() (wire.Message, error) {
	var m wire.Define
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	// The answer holds the text, and leaves when the request's memory is another's.
	source := bytes.Clone(m.Source)
	defined, err := j.conn.server.backend.Define(j.conn.ctx, m.ID, m.Class, m.Name, source, m.Expect)
	return &wire.Defined{Definition: defined}, err
}

// definitions answers Definitions: DefinitionList frames as far as the credit
// reaches, then End.
func (j job) definitions() (wire.Message, error) {
	var m wire.Definitions
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	j.call.grant(m.Credit)
	all, err := j.asked(&m)
	if err != nil {
		return nil, err
	}
	for len(all) > 0 {
		const around = 64 // the numbers of one definition
		n, bytes := 0, 0
		for n < len(all) && (n == 0 || bytes < batchBytes) {
			bytes += len(all[n].Name) + len(all[n].Source) + around
			n++
		}
		if n > 1 && bytes > int(j.conn.limits.FrameBytes)-around {
			n-- // the last one is too much
		}
		if err := j.beginBatch(); err != nil {
			return nil, err
		}
		if err := j.endBatch(wire.FrameOf(j.header.Call, &wire.DefinitionList{Definitions: all[:n]})); err != nil {
			return nil, err
		}
		all = all[n:]
	}
	return &wire.Plain{Is: wire.KindEnd}, nil
}

func (j job) asked(m *wire.Definitions) ([]firn.Definition, error) {
	backend := j.conn.server.backend
	if m.VersionsOf != "" {
		return backend.DefinitionVersions(j.call.ctx, m.Class, m.VersionsOf, m.Consistency)
	}
	return backend.Definitions(j.call.ctx, m.Class, m.At, m.Consistency)
}
