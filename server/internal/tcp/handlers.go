package tcp

import (
	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/record"
	"github.com/firndb/firn/server/wire"
)

// handlers has a function for each kind that begins a call. It returns the
// frame that ends the call, or an error to end it with.
var handlers [256]func(job) (wire.Message, error)

func init() {
	handlers[wire.KindAppend] = job.append
	handlers[wire.KindAppendAt] = job.appendAt
	handlers[wire.KindRead] = job.readEvents
	handlers[wire.KindStream] = job.stream
	handlers[wire.KindStreams] = job.streams
	handlers[wire.KindChange] = job.change
	handlers[wire.KindHead] = job.head
	handlers[wire.KindResolve] = job.resolve
	handlers[wire.KindStats] = job.stats
	handlers[wire.KindStatus] = job.status
	handlers[wire.KindAddNode] = job.addNode
	handlers[wire.KindRemoveNode] = job.changeNode
	handlers[wire.KindPromoteNode] = job.changeNode
	handlers[wire.KindTransfer] = job.changeNode
	handlers[wire.KindVerify] = job.verify
	handlers[wire.KindBackup] = job.backup
	handlers[wire.KindScavenge] = job.scavenge
	handlers[wire.KindLoad] = job.load
	handlers[wire.KindSaveSnapshot] = job.saveSnapshot
	handlers[wire.KindDefine] = job.define
	handlers[wire.KindDefinitions] = job.definitions
	handlers[wire.KindState] = job.state
	handlers[wire.KindDiff] = job.diff
	handlers[wire.KindBlame] = job.blame
	handlers[wire.KindBisect] = job.bisect
	handlers[wire.KindSubscribe] = job.subscribe
	handlers[wire.KindCreateGroup] = job.defineGroup
	handlers[wire.KindUpdateGroup] = job.defineGroup
	handlers[wire.KindDeleteGroup] = job.deleteGroup
	handlers[wire.KindGroups] = job.groups
	handlers[wire.KindGroup] = job.groupInfo
	handlers[wire.KindConsume] = job.consume
	handlers[wire.KindSettle] = job.settle
	handlers[wire.KindParked] = job.parked
	handlers[wire.KindUnpark] = job.unpark
	handlers[wire.KindRewind] = job.rewind
	handlers[wire.KindWaitGroup] = job.waitGroup
}

func (j job) append() (wire.Message, error) {
	var m wire.Append
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	if err := checkAppend(m.Writes, &j.conn.limits); err != nil {
		return nil, err
	}
	done, err := j.conn.server.backend.Append(j.conn.ctx, m.Writes)
	if err != nil {
		return nil, err
	}
	return appended(&done), nil
}

func (j job) appendAt() (wire.Message, error) {
	var m wire.AppendAt
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	if err := checkAppend(m.Writes, &j.conn.limits); err != nil {
		return nil, err
	}
	done, err := j.conn.server.backend.AppendAt(j.conn.ctx, m.Time, m.Writes)
	if err != nil {
		return nil, err
	}
	return appended(&done), nil
}

func appended(done *firn.Appended) *wire.Appended {
	answer := &wire.Appended{Position: done.Position, Time: done.Time, Repeated: done.Repeated}
	answer.Writes = make([]wire.WrittenAt, len(done.Writes))
	for i := range done.Writes {
		w := &done.Writes[i]
		answer.Writes[i] = wire.WrittenAt{
			FirstRevision: w.FirstRevision, LastRevision: w.LastRevision,
			FirstPosition: w.FirstPosition, LastPosition: w.LastPosition,
		}
	}
	return answer
}

// checkAppend holds an append against the connection's limits. What else must
// be true of it is the backend's to say.
func checkAppend(writes []wire.Write, limits *wire.Limits) error {
	var events, bytes uint64
	for i := range writes {
		w := &writes[i]
		if uint64(len(w.Stream)) > limits.NameBytes {
			return firn.Errorf(firn.ErrInvalid, "the stream's name has %d bytes (%.32q…); at most %d are allowed", len(w.Stream), w.Stream, limits.NameBytes)
		}
		events += uint64(len(w.Records))
		for _, r := range w.Records {
			bytes += uint64(len(r))
			// Only a limit below the format's own takes a look inside.
			if uint64(len(r)) > limits.EventBytes && limits.EventBytes < firn.EventBytesMax {
				if err := checkEvent(r, limits.EventBytes); err != nil {
					return err
				}
			}
		}
	}
	if events > limits.AppendEvents {
		return firn.Errorf(firn.ErrTooLarge, "an append of %d events; at most %d are allowed", events, limits.AppendEvents)
	}
	if bytes > limits.AppendBytes {
		return firn.Errorf(firn.ErrTooLarge, "an append of %d bytes; at most %d are allowed", bytes, limits.AppendBytes)
	}
	return nil
}

func checkEvent(r []byte, bytesMax uint64) error {
	d, err := record.ParseDraft(r)
	if err != nil {
		return err
	}
	if n := uint64(len(d.Data) + len(d.Metadata)); n > bytesMax {
		return firn.Errorf(firn.ErrTooLarge, "an event of type %.64q has %d bytes of data and metadata; this node allows at most %d", d.Type, n, bytesMax)
	}
	return nil
}

func (j job) stream() (wire.Message, error) {
	var m wire.Stream
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	info, err := j.conn.server.backend.Stream(j.call.ctx, m.Name, m.At)
	return &wire.StreamInfo{Info: info}, err
}

func (j job) change() (wire.Message, error) {
	var m wire.Change
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	// Like an append, a change goes on once the node has it.
	p, err := j.conn.server.backend.Change(j.conn.ctx, m.ID, m.Stream, m.Expect, m.Life)
	return &wire.Changed{Position: p}, err
}

func (j job) head() (wire.Message, error) {
	var m wire.Head
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	p, at, err := j.conn.server.backend.Head(j.call.ctx, m.Consistency)
	return &wire.HeadAt{Position: p, Time: at}, err
}

func (j job) resolve() (wire.Message, error) {
	var m wire.Resolve
	if err := wire.ParseInto(&m, j.body.B); err != nil {
		return nil, err
	}
	p, open, err := j.conn.server.backend.Resolve(j.call.ctx, m.Point, m.Consistency)
	return &wire.Resolved{Position: p, Open: open}, err
}

func (j job) stats() (wire.Message, error) {
	if err := wire.ParseInto(&wire.Plain{Is: j.header.Kind}, j.body.B); err != nil {
		return nil, err
	}
	stats, err := j.conn.server.backend.Stats(j.call.ctx)
	return &stats, err
}
