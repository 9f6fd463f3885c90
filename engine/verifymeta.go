package engine

import (
	"context"
	"encoding/binary"
	"strings"

	"github.com/firndb/firn"
)

// meta reads what the store says of itself, which the other passes go by, and
// checks it (12).
func (v *verifier) meta() error {
	v.s = &seen{p: progress{first: 1}, tail: &view{}}
	lower, upper := []byte{prefixMeta}, []byte{prefixMeta + 1}
	chains := map[uint64]uint64{} // at most chainKept
	err := v.each(context.Background(), lower, upper, func(key, value []byte) (err error) {
		switch name := string(key[1:]); {
		case name == metaApplied:
			v.s.p, err = parseProgress(value)
		case name == metaSettings:
			v.s.settings, err = parseSettings(value)
		case name == metaIdentity:
			v.s.identity, err = parseIdentity(value)
		case name == metaScavenged:
			v.s.scavenges, err = parseScavenges(key, value)
		case name == metaSwept:
			_, err = parseNumber(key, value)
		case name == metaVersion:
			v.s.version, err = parseNumber(key, value)
		case name == metaFormat:
			var version uint64
			if version, err = parseNumber(key, value); err == nil && version != formatVersion {
				return v.fault(12, key, "", 0, "the format is %d, this release knows %d", version, formatVersion)
			}
		case strings.HasPrefix(name, metaChain+"\x00") && len(name) == len(metaChain)+9:
			r := readValue(value)
			chains[binary.BigEndian.Uint64(key[len(key)-8:])] = r.fixed64()
			if !r.done() {
				err = damagedValue(key, value)
			}
		default:
			return v.fault(11, key, "", 0, "a key of no known name under m")
		}
		if err != nil {
			return v.fault(12, key, "", 0, "%v", err)
		}
		return nil
	})
	p := &v.s.p
	v.report.Index, v.report.Chain = p.index, p.chain
	v.s.tail.layer, v.s.tail.first = p.layer, p.first
	if err != nil {
		return err
	}
	if p.index > 0 && v.s.settings.LayerEvents == 0 {
		return v.fault(12, metaKey(metaSettings), "", 0, "entries were applied, but there are no settings")
	}
	for index, hash := range chains {
		if index > p.index || index == p.index && hash != p.chain {
			return v.fault(12, chainKey(index), "", 0, "the chain at index %d is %016x; the store is at index %d with %016x", index, hash, p.index, p.chain)
		}
	}
	return nil
}

// prefixes checks that no key lies between those that are known (11).
func (v *verifier) prefixes(ctx context.Context) error {
	var lower []byte
	for _, known := range []byte{prefixIDs, prefixDefined, prefixEvent, prefixGroup, prefixIndex, prefixLayer, prefixMeta, prefixSnapshots, prefixChunk, prefixRemoved, prefixLife, prefixSnapshot, 0} {
		var upper []byte // after the last, the end
		if known != 0 {
			upper = []byte{known}
		}
		if lower == nil || known == 0 || lower[0] < known {
			err := v.each(ctx, lower, upper, func(key, _ []byte) error {
				return v.fault(11, key, "", 0, "a key of no known prefix")
			})
			if err != nil {
				return err
			}
		}
		lower = []byte{known + 1}
	}
	return nil
}

// totals compares the totals with what was counted (9).
func (v *verifier) totals() error {
	stated := v.s.p.totals
	if len(v.report.Faults) > 0 {
		return nil // what could not be read was not counted either
	}
	if v.report.Events != uint64(v.s.p.head) {
		return v.fault(9, metaKey(metaApplied), "", 0, "the head is %d, and there are %d events", v.s.p.head, v.report.Events)
	}
	if v.counted != stated {
		return v.fault(9, metaKey(metaApplied), "", 0, "the totals are %+v, counted were %+v", stated, v.counted)
	}
	if v.report.Events > 0 && v.lastTime != v.s.p.time {
		return v.fault(8, metaKey(metaApplied), "", firn.Position(v.report.Events), "the time of the head is %d, that of the last event %d (µs)", v.s.p.time, v.lastTime)
	}
	return nil
}
