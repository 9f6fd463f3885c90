package wire

import "github.com/firndb/firn"

// Rewind makes a group begin again behind a point, or for a dry run says what
// that would do.
//
//	[group str, to point, dry run bool]
type Rewind struct {
	Group  string
	To     firn.Point
	DryRun bool
}

func (*Rewind) Kind() Kind { return KindRewind }

func (m *Rewind) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Rewind) write(w *writer) {
	w.array(3)
	w.string(m.Group)
	w.point(m.To)
	w.bool(m.DryRun)
}

func (m *Rewind) parse(r *reader) {
	later := r.begin(3)
	m.Group, m.To, m.DryRun = r.string(), r.point(), r.bool()
	r.end(later)
}

// Rewound is the answer.
//
//	[from uint, to uint, redelivered uint]
type Rewound struct{ Rewound firn.Rewound }

func (*Rewound) Kind() Kind { return KindRewound }

func (m *Rewound) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *Rewound) write(w *writer) {
	w.array(3)
	w.position(m.Rewound.From)
	w.position(m.Rewound.To)
	w.uint(m.Rewound.Redelivered)
}

func (m *Rewound) parse(r *reader) {
	later := r.begin(3)
	m.Rewound = firn.Rewound{From: r.position(), To: r.position(), Redelivered: r.uint()}
	r.end(later)
}

// WaitGroup waits until a group has passed a position. It is ended by Counted,
// with the number of the group's parked events, however long that takes.
//
//	[group str, position uint]
type WaitGroup struct {
	Group    string
	Position firn.Position
}

func (*WaitGroup) Kind() Kind { return KindWaitGroup }

func (m *WaitGroup) AppendBody(dst []byte) []byte { return appendFields(dst, m) }

func (m *WaitGroup) write(w *writer) {
	w.array(2)
	w.string(m.Group)
	w.position(m.Position)
}

func (m *WaitGroup) parse(r *reader) {
	later := r.begin(2)
	m.Group, m.Position = r.string(), r.position()
	r.end(later)
}
