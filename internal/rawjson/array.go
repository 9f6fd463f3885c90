package rawjson

import "slices"

// Item returns an item of an array, or nil where there is none or v is no array.
// What it points to may be changed, and counts until the array is.
func (v *Value) Item(i int) *Value {
	c := v.array()
	if c == nil || i < 0 || i >= len(c.items) {
		return nil
	}
	return &c.items[i]
}

// InsertItem puts an item before the i-th of an array, or at its end where i is
// its length. It reports false where v is no array or has no such place.
func (v *Value) InsertItem(i int, value Value) bool {
	c := v.array()
	if c == nil || i < 0 || i > len(c.items) {
		return false
	}
	c.items = slices.Insert(c.items, i, value)
	return true
}

// RemoveItem takes an item out of an array and returns it; None where there was
// none.
func (v *Value) RemoveItem(i int) Value {
	c := v.array()
	if c == nil || i < 0 || i >= len(c.items) {
		return Value{}
	}
	value := c.items[i]
	c.items = slices.Delete(c.items, i, i+1)
	return value
}
