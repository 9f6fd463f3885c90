package wire

// Plain is a message without fields: Ping, Pong, Goodbye, Cancel, End and Done,
// and the requests Stats, Status and Verify.
//
//	[]
type Plain struct{ Is Kind }

func (m *Plain) Kind() Kind { return m.Is }

func (m *Plain) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Plain) write(w *writer) {
	w.array(0)
}

func (m *Plain) parse(r *reader) { r.end(r.begin(0)) }

// Credit lets a call that answers with several frames send this many bytes
// more, counted as the frames' lengths. See docs/protocol.md, Flow control.
//
//	[bytes uint]
type Credit struct{ Bytes uint64 }

func (*Credit) Kind() Kind { return KindCredit }

func (m *Credit) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Credit) write(w *writer) {
	w.array(1)
	w.uint(m.Bytes)
}

func (m *Credit) parse(r *reader) {
	later := r.begin(1)
	m.Bytes = r.uint()
	r.end(later)
}

// Named is a message of one name, the node's: RemoveNode, PromoteNode and
// Transfer (where "" lets the leader choose).
//
//	[node str]
type Named struct {
	Is   Kind
	Node string
}

func (m *Named) Kind() Kind { return m.Is }

func (m *Named) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Named) write(w *writer) {
	w.array(1)
	w.string(m.Node)
}

func (m *Named) parse(r *reader) {
	later := r.begin(1)
	m.Node = r.string()
	r.end(later)
}
