package rawjson

import (
	"bytes"
	"iter"

	"github.com/firndb/firn/internal/jsonline"
)

// Name is the name of a member, as it was written.
type Name struct {
	quoted  []byte
	escaped bool
}

// NewName returns the name that is written so.
func NewName(s string) Name { return nameOf(jsonline.AppendString(nil, s)) }

func nameOf(quoted []byte) Name {
	return Name{quoted, bytes.IndexByte(quoted, '\\') >= 0}
}

// String returns the name as text.
func (n Name) String() string { return unquote(n.quoted) }

// same reports whether two names are the same text, however it is written.
func (n *Name) same(o *Name) bool {
	if n.escaped || o.escaped {
		return n.String() == o.String()
	}
	return string(n.quoted) == string(o.quoted)
}

// manyMembers is from how many members on an object is searched through an index.
const manyMembers = 32

// find returns the place of a member, or -1.
func (c *container) find(name *Name) int {
	if c.index != nil {
		var at int32
		var found bool
		if name.escaped {
			at, found = c.index[name.String()]
		} else {
			at, found = c.index[string(name.quoted[1:len(name.quoted)-1])]
		}
		if !found {
			return -1
		}
		return int(at)
	}
	for i := range c.members {
		if m := &c.members[i]; m.name.same(name) && m.value.Kind() != None {
			return i
		}
	}
	return -1
}

// add adds a member, or gives one that is there another value.
func (c *container) add(name Name, value Value) {
	if i := c.find(&name); i >= 0 {
		c.members[i].value = value
		return
	}
	c.members = append(c.members, member{name, value})
	if c.index != nil {
		c.index[name.String()] = int32(len(c.members) - 1)
	} else if len(c.members) >= manyMembers {
		c.reindex()
	}
}

// reindex closes the holes, and makes the index where there are many members.
func (c *container) reindex() {
	if c.holes > 0 {
		kept := c.members[:0]
		for _, m := range c.members {
			if m.value.Kind() != None {
				kept = append(kept, m)
			}
		}
		clear(c.members[len(kept):])
		c.members, c.holes = kept, 0
	}
	c.index = nil
	if len(c.members) >= manyMembers {
		c.index = make(map[string]int32, 2*len(c.members))
		for i := range c.members {
			c.index[c.members[i].name.String()] = int32(i)
		}
	}
}

// Len returns how many members or items an object or array has; 0 for others.
func (v *Value) Len() int {
	if c := v.object(); c != nil {
		return len(c.members) - c.holes
	}
	if c := v.array(); c != nil {
		return len(c.items)
	}
	return 0
}

// Members yields an object's members in order, and nothing for other values. A
// member may be changed while it is yielded; the object may not.
func (v *Value) Members() iter.Seq2[Name, *Value] {
	return func(yield func(Name, *Value) bool) {
		c := v.object()
		if c == nil {
			return
		}
		for i := range c.members {
			if m := &c.members[i]; m.value.Kind() != None && !yield(m.name, &m.value) {
				return
			}
		}
	}
}

// Member returns a member of an object, or nil where there is none or v is no
// object. What it points to may be changed, and counts until a member is set or
// removed.
func (v *Value) Member(name Name) *Value {
	c := v.object()
	if c == nil {
		return nil
	}
	if i := c.find(&name); i >= 0 {
		return &c.members[i].value
	}
	return nil
}

// SetMember gives a member of an object a value, in its place, or at the end
// where it is new. It reports false where v is no object.
func (v *Value) SetMember(name Name, value Value) bool {
	c := v.object()
	if c == nil {
		return false
	}
	c.add(name, value)
	return true
}

// RemoveMember takes a member out of an object and returns it; None where there
// was none.
func (v *Value) RemoveMember(name Name) Value {
	c := v.object()
	if c == nil {
		return Value{}
	}
	i := c.find(&name)
	if i < 0 {
		return Value{}
	}
	value := c.members[i].value
	c.remove(i)
	return value
}

func (c *container) remove(i int) {
	c.members[i].value = Value{}
	c.holes++
	if c.index != nil {
		delete(c.index, c.members[i].name.String())
	}
	if c.holes > 8 && c.holes > len(c.members)/2 {
		c.reindex()
	}
}

// RenameMember gives a member another name, in its place. It reports false where
// there is no such member, or one of the new name already.
func (v *Value) RenameMember(from, to Name) bool {
	c := v.object()
	if c == nil {
		return false
	}
	i := c.find(&from)
	if i < 0 || c.find(&to) >= 0 {
		return false
	}
	if c.index != nil {
		delete(c.index, c.members[i].name.String())
		c.index[to.String()] = int32(i)
	}
	c.members[i].name = to
	return true
}
