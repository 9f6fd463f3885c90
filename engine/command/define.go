package command

import (
	"fmt"

	"github.com/firndb/firn"
)

// Define sets a definition that the whole cluster shares, or ends one.
//
//	actor        uvarint length, bytes
//	id           16 bytes, of the event that will record the change
//	class        1 byte
//	name         uvarint length, bytes
//	expectation  as in Append; an exact one names the definition's version
//	body         uvarint length, bytes of JSON; none: the definition ends
type Define struct {
	Actor  []byte
	ID     firn.ID
	Class  Class
	Name   []byte
	Expect firn.Expectation
	Body   []byte
}

// Class says what a definition defines.
type Class uint8

// The classes. The list only grows at its end.
const (
	ClassGroup    Class = 1
	ClassFold     Class = 2
	ClassUpcaster Class = 3
	ClassSchema   Class = 4
	ClassUser     Class = 5
)

var classNames = [...]string{ClassGroup: "group", ClassFold: "fold", ClassUpcaster: "upcaster", ClassSchema: "schema", ClassUser: "user"}

// Classes returns every class, in order of number.
func Classes() []Class {
	var all []Class
	for c := ClassGroup; c.Known(); c++ {
		all = append(all, c)
	}
	return all
}

// Known reports whether the class is one of the list.
func (c Class) Known() bool { return c > 0 && int(c) < len(classNames) }

// String returns the class's name as it stands in JSON.
func (c Class) String() string {
	if c.Known() {
		return classNames[c]
	}
	return fmt.Sprintf("class-%d", uint8(c))
}

func (*Define) kind() Kind { return KindDefine }

func (d *Define) appendBody(dst []byte) []byte {
	dst = appendBytes(dst, d.Actor)
	dst = append(dst, d.ID[:]...)
	dst = append(dst, byte(d.Class))
	dst = appendBytes(dst, d.Name)
	dst = appendExpectation(dst, d.Expect)
	return appendBytes(dst, d.Body)
}

func (d *Define) parseBody(r *reader) {
	d.Actor = r.bytes()
	copy(d.ID[:], r.take(len(d.ID)))
	d.Class = Class(r.byte())
	d.Name = r.bytes()
	d.Expect = r.expectation()
	d.Body = r.bytes()
}
