package firn

// status is where one stream stands as of a bound.
//
// Whatever hides events hides the oldest ones: a delete all so far, a
// truncation those below a revision, the limits the oldest by age and number.
// So what is visible of a stream is always its end, from one revision on.
type status struct {
	state LifeState
	since Position // of the delete or tombstone; 0 where the stream is live
	next  Revision // the one the next event gets; 0: never written
	first Revision // the first visible one; next, where none is

	limits   Limits // the stream's own
	metadata []byte
}

// status replays what happened to the stream up to the bound. Two changes are
// seen from every point in time, however early: a tombstone and a truncation.
func (m *memory) status(stream string, b bound) status {
	events := m.streams[stream]
	s := status{state: Live, next: Revision(len(events))}
	for s.next > 0 && events[s.next-1].Position > b.position {
		s.next--
	}
	tombstoned := Position(0)
	for _, c := range m.changes[stream] {
		switch life := c.life.(type) {
		case Tombstone:
			tombstoned = c.position
		case Truncate:
			s.first = max(s.first, life.Before)
		}
		if c.position > b.position {
			continue
		}
		switch life := c.life.(type) {
		case Delete:
			s.first = max(s.first, c.next)
			if c.next == s.next { // nothing was written since
				s.state, s.since = Deleted, c.position
			}
		case Limits:
			s.limits = life
		case Metadata:
			s.metadata = life.Data
		}
	}
	if tombstoned > 0 {
		s.state, s.since = Tombstoned, tombstoned
	}

	limits := m.limits(stream, s.limits, b)
	if n := Revision(limits.MaxCount); n > 0 && n < s.next {
		s.first = max(s.first, s.next-n)
	}
	for limits.MaxAge > 0 && s.first < s.next && !events[s.first].Time.Add(limits.MaxAge).After(b.time) {
		s.first++
	}
	if s.state != Live || s.first > s.next {
		s.first = s.next
	}
	return s
}

// limits returns what holds for a stream: its own limits, and field by field
// those of its category where it has none.
func (m *memory) limits(stream string, own Limits, b bound) Limits {
	var shared Limits
	for _, c := range m.shared[Category(stream)] {
		if c.position <= b.position {
			shared = c.life.(Limits)
		}
	}
	if own.MaxAge == 0 {
		own.MaxAge = shared.MaxAge
	}
	if own.MaxCount == 0 {
		own.MaxCount = shared.MaxCount
	}
	return own
}

// meets says how the stream fails an expectation, or nil.
func (s status) meets(stream string, want Expectation) error {
	actual := None
	if s.next > 0 {
		actual = At(s.next - 1)
	}
	var met bool
	switch want {
	case Any:
		met = true
	case None:
		met = s.next == 0 || s.state == Deleted
	case Exists:
		met = s.next > 0 && s.state == Live
	default:
		met = want == actual
	}
	if met {
		return nil
	}
	return (&ConflictError{Stream: stream, Expected: want, Actual: actual, Deleted: s.state == Deleted}).Err()
}

// refusal says why the stream cannot be read, or nil. A stream of which
// nothing is left to see is read all the same: it is empty.
func (s status) refusal(stream string) error {
	var e *Error
	switch {
	case s.state == Tombstoned:
		e = Errorf(ErrTombstoned, "the stream %q was tombstoned at position %d; its name is out of use for good, choose another", stream, s.since)
		e.Positions = []Position{s.since}
	case s.next == 0:
		e = Errorf(ErrNotFound, "there is no stream %q at this point; was it ever written, and is the name right?", stream)
	case s.state == Deleted:
		e = Errorf(ErrDeleted, "the stream %q was deleted at position %d; read it as of an earlier point, or append to begin it again", stream, s.since)
		e.Positions = []Position{s.since}
	default:
		return nil
	}
	e.Stream = stream
	return e
}
