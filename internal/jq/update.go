package jq

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"reflect"
	"slices"
	"unsafe"

	"github.com/itchyny/gojq"
)

// owner is what one update knows: the containers that it has made, which it may
// write to, and the paths that it is going to delete. It is never part of a
// value; the prelude keeps it in a variable.
//
// gojq has the same, but by address alone: a container that was collected could
// lend its address to another one.
type owner struct {
	made map[unsafe.Pointer]bool
	gone [][]any
}

// removed stands in a container for a value that is deleted once all paths have
// been looked at, so that they do not shift.
type removed struct{}

func (o *owner) owns(v any) bool { return len(o.made) > 0 && o.made[address(v)] }

func address(v any) unsafe.Pointer { return reflect.ValueOf(v).UnsafePointer() }

func (m *machine) updates() []gojq.CompilerOption {
	return []gojq.CompilerOption{
		gojq.WithFunction("__owner", 0, 0, func(any, []any) any { return &owner{made: map[unsafe.Pointer]bool{}} }),
		gojq.WithFunction("__lent", 1, 1, func(v any, args []any) any {
			switch v.(type) {
			case []any, map[string]any:
				if o := args[0].(*owner); o.owns(v) { // whoever gets it may keep it
					clear(o.made)
				}
			}
			return v
		}),
		gojq.WithFunction("__set", 3, 3, func(v any, args []any) any {
			path, ok := args[0].([]any)
			if !ok {
				return fmt.Errorf("a path is an array, not %s", kindOf(args[0]))
			}
			result, err := m.set(v, path, args[1], args[2].(*owner))
			if err != nil {
				return err
			}
			return result
		}),
		gojq.WithFunction("__later", 2, 2, func(v any, args []any) any {
			o := args[1].(*owner)
			o.gone = append(o.gone, args[0].([]any))
			return v
		}),
		gojq.WithFunction("__all_later", 2, 2, func(v any, args []any) any {
			paths, ok := args[0].([]any)
			if !ok {
				return fmt.Errorf("delpaths wants an array of paths, not %s", kindOf(args[0]))
			}
			if err := m.ordered(paths); err != nil {
				return err
			}
			o := args[1].(*owner)
			for _, p := range paths {
				path, ok := p.([]any)
				if !ok {
					return fmt.Errorf("a path is an array, not %s", kindOf(p))
				}
				if err := m.place(path); err != nil {
					return err
				}
				o.gone = append(o.gone, path)
			}
			return v
		}),
		gojq.WithFunction("__delete", 1, 1, func(v any, args []any) any {
			o := args[0].(*owner)
			// Ancestors first: what is in something removed is not looked for.
			slices.SortFunc(o.gone, func(a, b []any) int { return gojq.Compare(a, b) })
			for _, path := range o.gone {
				var err error
				if v, err = m.set(v, path, removed{}, o); err != nil {
					return err
				}
			}
			if len(o.gone) == 0 {
				return v
			}
			return o.sweep(v)
		}),
	}
}

// set returns v with n at the path, and pays for each container that it copies.
// Where n is removed, nothing is made that was not there.
func (m *machine) set(v any, path []any, n any, o *owner) (any, error) {
	if len(path) == 0 {
		return n, nil
	}
	if _, ok := v.(removed); ok {
		return v, nil
	}
	switch key := path[0].(type) {
	case string:
		object, ok := v.(map[string]any)
		if !ok && v != nil {
			return nil, fmt.Errorf("cannot index %s with %s", kindOf(v), gojq.Preview(key))
		}
		return m.setMember(object, key, path[1:], n, o)
	case int, float64, *big.Int, json.Number:
		list, ok := v.([]any)
		if !ok && v != nil {
			return nil, fmt.Errorf("cannot index %s with %s", kindOf(v), gojq.Preview(key))
		}
		i, _ := gojq.ToInt(key)
		return m.setElement(list, i, path[1:], n, o)
	case map[string]any:
		list, ok := v.([]any)
		if !ok && v != nil {
			return nil, fmt.Errorf("cannot take a slice of %s", kindOf(v))
		}
		return m.setSlice(list, key, path[1:], n, o)
	}
	return nil, fmt.Errorf("cannot index %s with %s", kindOf(v), kindOf(path[0]))
}

func (m *machine) setMember(v map[string]any, key string, path []any, n any, o *owner) (any, error) {
	child, there := v[key]
	if n == (removed{}) && !there {
		return asGiven(v), nil
	}
	child, err := m.set(child, path, n, o)
	if err != nil {
		return nil, err
	}
	if !o.owns(v) {
		if err := m.pay(len(v) + 1); err != nil {
			return nil, err
		}
		w := make(map[string]any, len(v)+1)
		maps.Copy(w, v)
		v = w
		o.made[address(v)] = true
	}
	v[key] = child
	return v, nil
}

// elementsMax is how far beyond its end an array can be set.
const elementsMax = 1 << 24

func (m *machine) setElement(v []any, i int, path []any, n any, o *owner) (any, error) {
	if i < 0 {
		i += len(v)
	}
	if i < 0 || i >= len(v) {
		switch {
		case n == (removed{}):
			return asGiven(v), nil
		case i < 0:
			return nil, fmt.Errorf("the index %d is before the array's start", i-len(v))
		case i > elementsMax:
			return nil, fmt.Errorf("the index %d is too large", i)
		}
	}
	var child any
	if i < len(v) {
		child = v[i]
	}
	child, err := m.set(child, path, n, o)
	if err != nil {
		return nil, err
	}
	if size := max(len(v), i+1); !o.owns(v) || size > cap(v) {
		room := size
		if o.owns(v) {
			room = max(size, 2*cap(v))
		}
		if err := m.pay(room); err != nil {
			return nil, err
		}
		w := make([]any, size, room)
		copy(w, v)
		v = w
		o.made[address(v)] = true
	} else {
		v = v[:size]
	}
	v[i] = child
	return v, nil
}

func (m *machine) setSlice(v []any, bounds map[string]any, path []any, n any, o *owner) (any, error) {
	start, end, err := sliceBounds(bounds, len(v))
	if err != nil {
		return nil, err
	}
	if n == (removed{}) && start == end {
		return asGiven(v), nil
	}
	if n == (removed{}) && len(path) == 0 {
		if v, err = m.own(v, o); err != nil {
			return nil, err
		}
		for i := start; i < end; i++ {
			v[i] = removed{}
		}
		return v, nil
	}
	part, err := m.set(v[start:end:end], path, n, o)
	if err != nil {
		return nil, err
	}
	list, ok := part.([]any)
	if !ok {
		return nil, fmt.Errorf("a slice can only become an array, not %s", kindOf(part))
	}
	size := len(v) - (end - start) + len(list)
	if err := m.pay(size); err != nil {
		return nil, err
	}
	w := make([]any, 0, size)
	w = append(append(append(w, v[:start]...), list...), v[end:]...)
	o.made[address(w)] = true
	return w, nil
}

// own returns v where the update made it, else a copy.
func (m *machine) own(v []any, o *owner) ([]any, error) {
	if o.owns(v) {
		return v, nil
	}
	if err := m.pay(len(v)); err != nil {
		return nil, err
	}
	v = slices.Clone(v)
	o.made[address(v)] = true
	return v, nil
}

// asGiven is a container, or nil where there was none.
func asGiven[C []any | map[string]any](v C) any {
	if v == nil {
		return nil
	}
	return v
}

// sliceBounds returns the part of a list of n that {"start", "end"} stands for:
// negative ones count from the end.
func sliceBounds(bounds map[string]any, n int) (start, end int, err error) {
	bound := func(name string, none int, round func(float64) float64) int {
		v := bounds[name]
		if v == nil {
			return none
		}
		f, ok := gojq.ToFloat64(v)
		if !ok {
			err = fmt.Errorf("a slice begins and ends at a number, not %s", kindOf(v))
		}
		if math.IsNaN(f) {
			return none
		}
		if f = round(f); f < 0 {
			f += float64(n)
		}
		return int(min(max(f, 0), float64(n)))
	}
	start = bound("start", 0, math.Floor)
	end = max(start, bound("end", n, math.Ceil))
	return start, end, err
}

// sweep takes what is removed out of the containers that the update has made;
// it is in no others.
func (o *owner) sweep(v any) any {
	switch v := v.(type) {
	case removed:
		return nil
	case map[string]any:
		if !o.owns(v) {
			return v
		}
		for key, child := range v {
			if child == (removed{}) {
				delete(v, key)
			} else {
				v[key] = o.sweep(child)
			}
		}
	case []any:
		if !o.owns(v) {
			return v
		}
		kept := v[:0]
		for _, child := range v {
			if child != (removed{}) {
				kept = append(kept, o.sweep(child))
			}
		}
		clear(v[len(kept):])
		return kept
	}
	return v
}
