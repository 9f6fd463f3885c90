package engine

import (
	"errors"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/firndb/firn"
)

// get returns a copy of a value, nil where the key is not there.
func get(db pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append(make([]byte, 0, len(value)), value...), nil
}

// layerOf returns the sealed layer that holds a position.
func layerOf(layers []sealed, p firn.Position) (*sealed, bool) {
	i, _ := slices.BinarySearchFunc(layers, p, func(s sealed, p firn.Position) int {
		if s.last < p {
			return -1
		}
		return 1
	})
	if i == len(layers) || layers[i].first > p {
		return nil, false
	}
	return &layers[i], true
}

// readChunk reads the chunk of a sealed layer that covers a position.
func readChunk(db pebble.Reader, s *sealed, p firn.Position) (*chunk, error) {
	key := appendChunkKey(nil, s.number, chunkStart(s.first, p))
	value, err := get(db, key)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, firn.Errorf(firn.ErrDamaged, "layer %d has no list of the events around position %d; restore this node from another replica or a backup", s.number, p)
	}
	c, err := parseChunk(key, value)
	if err == nil && p >= c.first+firn.Position(len(c.events)) {
		err = firn.Errorf(firn.ErrDamaged, "layer %d lists %d events from position %d on, and position %d should be among them; restore this node from another replica or a backup",
			s.number, len(c.events), c.first, p)
	}
	return c, err
}

// at returns the stream and the revision of the event at a position that the
// chunk covers.
func (c *chunk) at(p firn.Position) (stream string, revision uint64) {
	e := c.events[p-c.first]
	return c.names[e.name], e.revision
}
