package group_test

import (
	"reflect"
	"testing"

	"github.com/firndb/firn"
	"github.com/firndb/firn/engine/group"
)

// FuzzDecode: a definition that is read is written as one that is read as the
// same.
func FuzzDecode(f *testing.F) {
	for _, g := range []firn.Group{{Name: "g", All: true}, {Name: "g", Category: "order", Types: []string{"A"}, Unordered: true, OnPark: firn.ParkContinues}} {
		g = group.WithDefaults(g)
		f.Add(group.Encode(&g, 7))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		g, after, err := group.Decode("g", body)
		if err != nil {
			return
		}
		again, position, err := group.Decode("g", group.Encode(&g, after))
		if err != nil || position != after || !reflect.DeepEqual(again, g) {
			t.Errorf("%s is read as %+v behind %d, which is read as %+v behind %d (%v)", body, g, after, again, position, err)
		}
	})
}
