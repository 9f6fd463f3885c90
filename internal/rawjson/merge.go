package rawjson

import "bytes"

// Merge changes v in the way of a JSON Merge Patch (RFC 7396): the members of
// the patch replace those of the same name, or are merged into them where both
// are objects; null removes. A member that was there keeps its place, a new one
// stands behind the others. What v takes over is copied, so that it does not hold
// on to the text of the patch.
func (v *Value) Merge(patch *Value) {
	if patch.Kind() != Object {
		*v = Value{raw: bytes.Clone(patch.Bytes())}
		return
	}
	to := v.object()
	if to == nil {
		*v = EmptyObject()
		to = v.open
	}
	if patch.open == nil && to.mergeText(patch.raw) {
		return
	}
	from := patch.object()
	for i := range from.members {
		if m := &from.members[i]; m.value.Kind() != None {
			to.merge(m.name, m.value)
		}
	}
}

// mergeText merges an object that is written so without opening it, since a patch
// is mostly small and looked at once. It reports false, and does nothing, where
// the object has many members, or one that stands twice.
func (c *container) mergeText(b []byte) bool {
	type span struct{ name, value, end int }
	var all [16]span // of what is merged
	n := 0
	for i := 1; b[i] != '}'; {
		if b[i] == ',' {
			i++
		}
		s := span{name: i, value: textEnd(b, i) + 1}
		s.end = valueEnd(b, s.value)
		name := b[s.name : s.value-1]
		if n == len(all) || bytes.IndexByte(name, '\\') >= 0 {
			return false
		}
		for _, before := range all[:n] {
			if bytes.Equal(b[before.name:before.value-1], name) {
				return false
			}
		}
		all[n] = s
		n++
		i = s.end
	}
	for _, s := range all[:n] {
		c.merge(Name{quoted: b[s.name : s.value-1]}, Value{raw: b[s.value:s.end:s.end]})
	}
	return true
}

// merge merges one member.
func (c *container) merge(name Name, value Value) {
	at := c.find(&name)
	if kind := value.Kind(); kind == Null {
		if at >= 0 {
			c.remove(at)
		}
		return
	} else if at >= 0 && kind == Object {
		c.members[at].value.Merge(&value)
		return
	}
	if at >= 0 {
		c.members[at].value = Value{raw: bytes.Clone(value.Bytes())}
		return
	}
	var fresh Value
	fresh.Merge(&value)
	c.add(Name{bytes.Clone(name.quoted), name.escaped}, fresh)
}
