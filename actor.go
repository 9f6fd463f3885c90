package firn

import (
	"bytes"
	"encoding/json"
)

// SetActor says in the draft's metadata who caused the event: as the member
// "actor", where the metadata is a JSON object or empty and does not name one
// already. It is what callers say; what a store has authenticated is
// [Event.Actor].
func (d *Draft) SetActor(actor string) {
	if actor == "" {
		return
	}
	name, err := json.Marshal(actor)
	if err != nil {
		return // a text has a JSON form
	}
	metadata := bytes.TrimSpace(d.Metadata)
	if len(metadata) == 0 {
		metadata = []byte("{}")
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(metadata, &members) != nil || members == nil {
		return
	}
	if _, said := members["actor"]; said {
		return
	}
	with := append([]byte(nil), metadata[:len(metadata)-1]...)
	if len(members) > 0 {
		with = append(with, ',')
	}
	with = append(with, `"actor":`...)
	d.Metadata = append(append(with, name...), '}')
}
