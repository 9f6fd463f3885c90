package engine

import (
	"encoding/binary"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/command"
	"github.com/firndb/firn/engine/record"
)

// What is hidden can still be seen by reading the past, as it was before it was
// deleted or had expired, until it is scavenged: a command says that what is
// hidden from there on is gone, from every point in time. Which events that are
// follows from the place and the time of the command, so it is the same on every
// replica, whether or not it has removed their bytes yet (see sweep.go).
//
// A stream is gone up to one revision, which never goes back. What a delete, a
// truncation or a tombstone has hidden at one scavenge is hidden at the next. What
// limits hide is not, where they are changed between the two: so the change of a
// stream's limits keeps what is gone by then in the stream's state of life, and a
// scavenge before a change of any category's limits stays in the list.

// scavenged is a scavenge that tells what is gone.
type scavenged struct {
	position firn.Position // of the event that records it
	time     int64
	shared   uint64 // changes of the limits of categories before it
}

// The value of m|scavenged:
//
//	version    1
//	scavenges  uvarint count, then each: uvarint position, time, changes of the
//	           limits of categories before it
func appendScavenges(dst []byte, all []scavenged) []byte {
	dst = binary.AppendUvarint(append(dst, valueVersion), uint64(len(all)))
	for _, s := range all {
		for _, n := range []uint64{uint64(s.position), uint64(s.time), s.shared} {
			dst = binary.AppendUvarint(dst, n)
		}
	}
	return dst
}

func parseScavenges(key, value []byte) ([]scavenged, error) {
	r := readValue(value)
	all := make([]scavenged, r.count())
	for i := range all {
		all[i] = scavenged{firn.Position(r.uvarint()), int64(r.uvarint()), r.uvarint()}
		if all[i].position == 0 || i > 0 && all[i].position <= all[i-1].position {
			r.fail()
		}
	}
	if !r.done() || len(all) == 0 {
		return nil, damagedValue(key, value)
	}
	return all, nil
}

// with returns the list after one more scavenge. The last one still tells what the
// new one does not where limits of a category were changed between them.
func withScavenge(all []scavenged, s scavenged) []scavenged {
	if last := len(all) - 1; last >= 0 && all[last].shared == s.shared {
		all = all[:last]
	}
	return append(all[:len(all):len(all)], s)
}

// scavenge judges a scavenge and writes it. What was applied before is committed. It
// ends the open layer, so that all that is gone can be removed.
func (a *applier) scavenge(micros int64, item *command.Scavenge) (command.Result, error) {
	switch {
	case item.ID.IsZero():
		return command.Result{}, firn.Errorf(firn.ErrInvalid, "a scavenge has no id")
	case len(item.Actor) > firn.ActorBytesMax:
		return command.Result{}, firn.Errorf(firn.ErrInvalid, "the actor's name has %d bytes; at most %d are allowed", len(item.Actor), firn.ActorBytesMax)
	}
	system, err := a.state([]byte(firn.ScavengesStream))
	if err != nil {
		return command.Result{}, err
	}
	var hash uint64
	hash, a.hashBuf = hashInStream(a.hashBuf, system.name, item.ID)
	if h, err := a.inWindow(hash, system.name, item.ID); h != nil || err != nil {
		if err != nil {
			return command.Result{}, err
		}
		return command.Result{Appended: firn.Appended{Position: h.node.Position, Time: record.Time(h.node.Time), Repeated: true}}, nil
	}
	if err := a.systemEvent(system, micros, item.Actor, firn.Draft{ID: item.ID, Type: firn.TypeScavenged, ContentType: firn.JSON, Data: []byte("{}")}); err != nil {
		return command.Result{}, err
	}
	a.scavenges = withScavenge(a.scavenges, scavenged{a.p.head, micros, a.p.totals.shared})
	a.sealNow = true // events are removed from sealed layers only
	a.value = appendScavenges(a.value[:0], a.scavenges)
	return command.Result{Appended: firn.Appended{Position: a.p.head, Time: record.Time(micros)}}, a.set(metaKey(metaScavenged), a.value)
}

// scavenges reports whether an entry holds a scavenge. What is gone by then is
// found in what is committed, so such an entry is a batch of its own.
func scavenges(x *command.Entry) bool {
	for _, item := range x.Items {
		if _, ok := item.(*command.Scavenge); ok {
			return true
		}
	}
	return false
}

// gone returns the revision below which all of a stream is gone. It is one that
// the item under way is about.
func (a *applier) gone(stream string) (uint64, error) {
	if len(a.scavenges) == 0 {
		return 0, nil
	}
	s, err := a.state([]byte(stream))
	if err != nil {
		return 0, err
	}
	l := lookup{db: a.db, s: a.seen(), pending: a.pending}
	defer l.close()
	return l.gone(stream, s.life)
}

// gone returns the revision below which all of a stream is gone. newest is its
// newest state of life.
func (l *lookup) gone(stream string, newest *lifeState) (gone uint64, err error) {
	all := l.s.scavenges
	if len(all) == 0 || firn.IsSystem(stream) {
		return 0, nil
	}
	limited, err := l.limitedByCategory(stream)
	if err != nil || newest == nil && !limited {
		return 0, err
	}
	if newest != nil {
		gone = newest.gone
	}
	if !limited {
		all = all[len(all)-1:]
	}
	for _, s := range all {
		st, err := l.then(stream, bound{position: s.position, time: s.time})
		if err != nil {
			return 0, err
		}
		if st.life != nil {
			st.first = max(st.first, st.life.truncated)
			if st.life.tombstoned > 0 {
				st.first = st.next
			}
		}
		gone = max(gone, min(st.first, st.next))
	}
	return gone, nil
}

// limitedByCategory reports whether the stream's category has or had limits.
func (l *lookup) limitedByCategory(stream string) (bool, error) {
	category := firn.Category(stream)
	if l.s.p.totals.shared == 0 || category == "" {
		return false, nil
	}
	it, err := l.iterator()
	if err != nil {
		return false, err
	}
	l.buf = appendLifePrefix(l.buf[:0], categoryLimit+category)
	found := it.SeekPrefixGE(l.buf)
	return found, it.Error()
}
