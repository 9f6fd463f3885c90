package wire

// Backup asks a node for an image of its store: BackupBegins, then BackupPart
// and Progress frames as far as the credit reaches, then End. Files that the
// client holds are named in the image, and their bytes left out.
//
//	[held array of held, rate uint, local bool, credit uint]
//
//	held = [bytes uint, SHA-256 bin of 32 bytes]
type Backup struct {
	Held   []HeldFile
	Rate   uint64 // bytes a second that the node reads at most; 0: as fast as it can
	Local  bool   // of what the node has applied, without asking the leader
	Credit uint64 // bytes; see Credit
}

// HeldFile is a file that the client has from an earlier backup.
type HeldFile struct {
	Bytes uint64
	Sum   [32]byte // SHA-256
}

func (*Backup) Kind() Kind { return KindBackup }

func (m *Backup) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Backup) write(w *writer) {
	w.array(4)
	w.array(len(m.Held))
	for i := range m.Held {
		w.array(2)
		w.uint(m.Held[i].Bytes)
		w.bin(m.Held[i].Sum[:])
	}
	w.uint(m.Rate)
	w.bool(m.Local)
	w.uint(m.Credit)
}

func (m *Backup) parse(r *reader) {
	later := r.begin(4)
	for range r.array() {
		laterFields := r.begin(2)
		h := HeldFile{Bytes: r.uint()}
		if sum := r.bin(); len(sum) == len(h.Sum) {
			h.Sum = [32]byte(sum)
		} else {
			r.fail("held files: a SHA-256 is not of 32 bytes")
		}
		r.end(laterFields)
		if r.failed != "" {
			return
		}
		m.Held = append(m.Held, h)
	}
	m.Rate, m.Local, m.Credit = r.uint(), r.bool(), r.uint()
	r.end(later)
}

// BackupBegins is the first part of the answer. It is taken off the credit.
//
//	[bytes uint]
type BackupBegins struct {
	Bytes uint64 // of the whole image, what is left out included
}

func (*BackupBegins) Kind() Kind { return KindBackupBegins }

func (m *BackupBegins) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *BackupBegins) write(w *writer) {
	w.array(1)
	w.uint(m.Bytes)
}

func (m *BackupBegins) parse(r *reader) {
	later := r.begin(1)
	m.Bytes = r.uint()
	r.end(later)
}

// BackupPart is the next bytes of the image, which is docs/formats/image.md.
//
//	[part bin]
type BackupPart struct{ Part []byte }

func (*BackupPart) Kind() Kind { return KindBackupPart }

func (m *BackupPart) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *BackupPart) write(w *writer) {
	w.array(1)
	w.bin(m.Part)
}

func (m *BackupPart) parse(r *reader) {
	later := r.begin(1)
	m.Part = r.bin()
	r.end(later)
}
