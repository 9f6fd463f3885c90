package wire

import "github.com/firndb/firn"

// Load asks for the newest snapshot of a fold's version that fits, and the
// events behind it. The node answers with Loaded, then Events frames as far as
// the credit reaches, then End.
//
//	[stream str, fold str, version bin of 16 bytes, bound point, raw bool, consistency, credit uint]
type Load struct {
	Query  firn.LoadQuery
	Credit uint64 // bytes; see Credit
}

func (*Load) Kind() Kind { return KindLoad }

func (m *Load) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Load) write(w *writer) {
	q := &m.Query
	w.array(7)
	w.string(q.Stream)
	w.string(q.Fold)
	w.bin(q.Version[:])
	w.point(q.Bound)
	w.bool(q.Raw)
	w.consistency(q.Consistency)
	w.uint(m.Credit)
}

func (m *Load) parse(r *reader) {
	later := r.begin(7)
	q := &m.Query
	q.Stream, q.Fold, q.Version = r.string(), r.string(), r.foldVersion()
	q.Bound = r.point()
	q.Raw = r.bool()
	q.Consistency = r.consistency()
	m.Credit = r.uint()
	r.end(later)
}

// Loaded is the first part of the answer. It is taken off the credit like
// Events.
//
//	[version bin of 16 bytes, revision uint, position uint, open bool, partial bool, snapshot or nil]
//
//	snapshot = [fold str, revision uint, partial bool, state bin]
type Loaded struct {
	Version  firn.FoldVersion // under which a snapshot of what was loaded is to be saved
	Revision firn.Revision    // the stream's last one, visible or not
	Position firn.Position
	Open     bool
	Partial  bool
	Snapshot *firn.Snapshot // without stream and version, which the call has named
}

func (*Loaded) Kind() Kind { return KindLoaded }

func (m *Loaded) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Loaded) write(w *writer) {
	w.array(6)
	w.bin(m.Version[:])
	w.revision(m.Revision)
	w.position(m.Position)
	w.bool(m.Open)
	w.bool(m.Partial)
	if m.Snapshot == nil {
		w.nil()
		return
	}
	w.array(4)
	w.string(m.Snapshot.Fold)
	w.revision(m.Snapshot.Revision)
	w.bool(m.Snapshot.Partial)
	w.bin(m.Snapshot.State)
}

func (m *Loaded) parse(r *reader) {
	later := r.begin(6)
	m.Version = r.foldVersion()
	m.Revision, m.Position, m.Open, m.Partial = r.revision(), r.position(), r.bool(), r.bool()
	if !r.isNil() {
		laterFields := r.begin(4)
		m.Snapshot = &firn.Snapshot{Fold: r.string(), Revision: r.revision(), Partial: r.bool(), State: r.bin()}
		r.end(laterFields)
	}
	r.end(later)
}

// SaveSnapshot keeps a snapshot.
//
//	[stream str, fold str, version bin of 16 bytes, revision uint, partial bool, state bin]
type SaveSnapshot struct{ Snapshot firn.Snapshot }

func (*SaveSnapshot) Kind() Kind { return KindSaveSnapshot }

func (m *SaveSnapshot) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *SaveSnapshot) write(w *writer) {
	s := &m.Snapshot
	w.array(6)
	w.string(s.Stream)
	w.string(s.Fold)
	w.bin(s.Version[:])
	w.revision(s.Revision)
	w.bool(s.Partial)
	w.bin(s.State)
}

func (m *SaveSnapshot) parse(r *reader) {
	later := r.begin(6)
	m.Snapshot = firn.Snapshot{
		Stream: r.string(), Fold: r.string(), Version: r.foldVersion(),
		Revision: r.revision(), Partial: r.bool(), State: r.bin(),
	}
	r.end(later)
}

func (r *reader) foldVersion() (v firn.FoldVersion) {
	b := r.bin()
	if len(b) != len(v) {
		r.fail("version of the fold: it is not of 16 bytes")
		return v
	}
	return firn.FoldVersion(b)
}
