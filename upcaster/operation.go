package upcaster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/firndb/firn/internal/jq"
	"github.com/firndb/firn/internal/rawjson"
)

// opKind is one thing that a step does to the data. In the order of these
// numbers it is done.
type opKind uint8

const (
	renameOp opKind = iota
	moveOp
	dropOp
	convertOp
	defaultOp
	jqOp
)

var opNames = [...]string{"rename", "move", "drop", "convert", "default", "jq"}

func (k opKind) String() string { return opNames[k] }

type operation struct {
	kind        opKind
	path        rawjson.Pointer // all but jq
	to          rawjson.Pointer // rename, move
	conversions []conversion    // convert
	value       rawjson.Value   // default; never opened
	program     *jq.Program     // jq
}

// String returns the operation as its hash sees it: all that it does, and
// nothing else.
func (o *operation) String() string {
	switch o.kind {
	case renameOp, moveOp:
		return fmt.Sprintf("%s %q %q", o.kind, o.path, o.to)
	case convertOp:
		var names []string
		for _, c := range o.conversions {
			names = append(names, c.String())
		}
		return fmt.Sprintf("%s %q %s", o.kind, o.path, strings.Join(names, ", "))
	case defaultOp:
		return fmt.Sprintf("%s %q %s", o.kind, o.path, o.value.Bytes())
	case jqOp:
		return o.kind.String() + " " + strconv.Quote(o.program.String())
	}
	return fmt.Sprintf("%s %q", o.kind, o.path)
}

// apply does the operation. Where it fails, the document may be half changed and
// is not used.
func (o *operation) apply(ctx context.Context, doc *rawjson.Value) error {
	switch o.kind {
	case dropOp:
		doc.Remove(o.path)
		return nil
	case renameOp, moveOp:
		return o.move(doc)
	case convertOp:
		return o.convert(doc)
	case defaultOp:
		if doc.Get(o.path) != nil {
			return nil
		}
		return doc.Put(o.path, o.value)
	}
	return o.run(ctx, doc)
}

func (o *operation) move(doc *rawjson.Value) error {
	if doc.Get(o.path) == nil {
		return nil
	}
	if doc.Get(o.to) != nil {
		return fmt.Errorf("there is a value at %s already", o.to)
	}
	if o.kind == moveOp {
		return doc.Put(o.to, doc.Remove(o.path))
	}
	if !doc.Rename(o.path, o.to) {
		return errors.New("it is an item of an array, which has no name")
	}
	return nil
}

func (o *operation) convert(doc *rawjson.Value) error {
	v := doc.Get(o.path)
	if v == nil {
		return nil
	}
	for i := range o.conversions {
		if v.Kind() == rawjson.Null {
			return nil
		}
		if err := o.conversions[i].apply(v); err != nil {
			return fmt.Errorf("%s: %w", o.conversions[i].name, err)
		}
	}
	return nil
}

func (o *operation) run(ctx context.Context, doc *rawjson.Value) error {
	input, err := jq.Decode(doc.Bytes())
	if err != nil {
		return err
	}
	output, err := o.program.Run(ctx, input)
	if err != nil {
		return err
	}
	*doc, err = rawjson.Parse(jq.Encode(output), dataBytesMax)
	return err
}
