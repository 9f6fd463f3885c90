package history

import (
	"fmt"
	"strconv"

	"github.com/firndb/firn"
	"github.com/firndb/firn/internal/jsonline"
	"github.com/firndb/firn/internal/rawjson"
)

// Patch turns one state into another, operation by operation.
type Patch []firn.PatchOperation

// Diff returns a patch that turns one JSON value into another. It is empty where
// they are the same. Objects are compared member by member; in arrays the items
// that are the same in both keep their place, as long as what differs is not too
// long to find out.
func Diff(from, to []byte) (Patch, error) {
	a, err := parse(from)
	if err != nil {
		return nil, err
	}
	b, err := parse(to)
	if err != nil {
		return nil, err
	}
	return diff(&a, &b)
}

// ReportBytesMax bounds a patch, and what [Past.Blame] finds. A path can be long,
// and stand in it again and again.
const ReportBytesMax = 12 << 20

// around is about what an operation takes beside its path and values.
const around = 16

func diff(a, b *rawjson.Value) (Patch, error) {
	var d differ
	d.value("", a, b)
	if d.bytes > ReportBytesMax {
		return nil, firn.Errorf(firn.ErrTooLarge, "the difference takes more than %d bytes, which is the limit; look at the two states instead", ReportBytesMax)
	}
	return d.patch, nil
}

type differ struct {
	patch Patch
	bytes int // that the patch takes
}

// room makes room for a path and what stands beside it.
func (d *differ) room(path string, bytes int) bool {
	d.bytes += len(path) + bytes + around
	return d.bytes <= ReportBytesMax
}

func (d *differ) add(path string, is *rawjson.Value) {
	if b := is.Bytes(); d.room(path, len(b)) {
		d.patch = append(d.patch, firn.PatchOperation{Op: "add", Path: path, Is: b})
	}
}

func (d *differ) remove(path string, was *rawjson.Value) {
	if b := was.Bytes(); d.room(path, len(b)) {
		d.patch = append(d.patch, firn.PatchOperation{Op: "remove", Path: path, Was: b})
	}
}

func (d *differ) replace(path string, was, is *rawjson.Value) {
	if a, b := was.Bytes(), is.Bytes(); d.room(path, len(a)+len(b)) {
		d.patch = append(d.patch, firn.PatchOperation{Op: "replace", Path: path, Was: a, Is: b})
	}
}

func (d *differ) value(path string, a, b *rawjson.Value) {
	kind := a.Kind()
	switch {
	case d.bytes > ReportBytesMax: // nobody will see it
	case equal(a, b):
	case kind != b.Kind() || kind != rawjson.Object && kind != rawjson.Array:
		d.replace(path, a, b)
	case kind == rawjson.Object:
		d.object(path, a, b)
	default:
		d.array(path, a, b)
	}
}

func (d *differ) object(path string, a, b *rawjson.Value) {
	for name, v := range a.Members() {
		at := path + "/" + rawjson.EscapeToken(name.String())
		if w := b.Member(name); w == nil {
			d.remove(at, v)
		} else {
			d.value(at, v, w)
		}
	}
	for name, w := range b.Members() {
		if a.Member(name) == nil {
			d.add(path+"/"+rawjson.EscapeToken(name.String()), w)
		}
	}
}

// array walks along both arrays. Between two items that are kept, what went is
// set against what came, in order: so an item of which a part changed is changed,
// and not replaced.
func (d *differ) array(path string, a, b *rawjson.Value) {
	at := func(i int) string { return path + "/" + strconv.Itoa(i) }
	i, j, place := 0, 0, 0 // the next item of a and of b, and where in the array that is being changed
	for _, keep := range append(kept(a, b), [2]int{a.Len(), b.Len()}) {
		for ; i < keep[0] && j < keep[1]; i, j, place = i+1, j+1, place+1 {
			d.value(at(place), a.Item(i), b.Item(j))
		}
		for ; i < keep[0]; i++ {
			d.remove(at(place), a.Item(i))
		}
		for ; j < keep[1]; j, place = j+1, place+1 {
			d.add(at(place), b.Item(j))
		}
		i, j, place = i+1, j+1, place+1
	}
}

// comparisonsMax bounds how many pairs of items are compared to find those that
// are kept. Beyond it items are set against each other in order.
const comparisonsMax = 250_000

// kept returns the places, in a and b, of a longest common run of items that need
// not be neighbours.
func kept(a, b *rawjson.Value) [][2]int {
	n, m := a.Len(), b.Len()
	head := 0
	var all [][2]int
	for ; head < n && head < m && equal(a.Item(head), b.Item(head)); head++ {
		all = append(all, [2]int{head, head})
	}
	tail := 0
	for tail < n-head && tail < m-head && equal(a.Item(n-1-tail), b.Item(m-1-tail)) {
		tail++
	}
	// longest[i][j] is for the items from i of a and from j of b, in the middle.
	rows, columns := n-head-tail, m-head-tail
	if rows > 0 && columns > 0 && rows <= comparisonsMax/columns {
		longest := make([][]int32, rows+1)
		longest[rows] = make([]int32, columns+1)
		same := make([][]bool, rows)
		for i := rows - 1; i >= 0; i-- {
			longest[i], same[i] = make([]int32, columns+1), make([]bool, columns)
			for j := columns - 1; j >= 0; j-- {
				if same[i][j] = equal(a.Item(head+i), b.Item(head+j)); same[i][j] {
					longest[i][j] = longest[i+1][j+1] + 1
				} else {
					longest[i][j] = max(longest[i+1][j], longest[i][j+1])
				}
			}
		}
		for i, j := 0, 0; i < rows && j < columns; {
			switch {
			case same[i][j]:
				all = append(all, [2]int{head + i, head + j})
				i, j = i+1, j+1
			case longest[i+1][j] >= longest[i][j+1]:
				i++
			default:
				j++
			}
		}
	}
	for i := tail; i > 0; i-- {
		all = append(all, [2]int{n - i, m - i})
	}
	return all
}

// JSON returns the patch as a JSON document of RFC 6902.
func (p Patch) JSON() []byte {
	all := make([][]byte, len(p))
	for i, op := range p {
		var o jsonline.Object
		o.String("op", op.Op)
		o.String("path", op.Path)
		if op.Is != nil {
			o.JSON("value", op.Is)
		}
		all[i] = o.Bytes()
	}
	return jsonline.List(all)
}

// Lines returns the patch as people read it, an operation a line: + for what came,
// - for what went, ~ for what was changed. An array's places are those at the
// moment of the operation.
func (p Patch) Lines() []string {
	lines := make([]string, len(p))
	for i, op := range p {
		path := Clean(op.Path)
		if path == "" {
			path = "(the whole)"
		}
		switch op.Op {
		case "add":
			lines[i] = fmt.Sprintf("+ %s: %s", path, Shown(op.Is))
		case "remove":
			lines[i] = fmt.Sprintf("- %s: %s", path, Shown(op.Was))
		default:
			lines[i] = fmt.Sprintf("~ %s: %s → %s", path, Shown(op.Was), Shown(op.Is))
		}
	}
	return lines
}

// Shown returns a value as it stands in a line: not all of a long one.
func Shown(value []byte) string {
	const most = 200
	text := Clean(string(value))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
