package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/firndb/firn"
)

// importProgressType is the type of the events in these streams.
const importProgressType = "ImportProgress"

func importStream(name string) string { return firn.ImportStreamPrefix + name }

// importProgress is one event of such a stream.
type importProgress struct {
	File    string `json:"file"`
	Line    int    `json:"line"`    // all lines up to this one are dealt with
	Events  int    `json:"events"`  // that they held
	Refused int    `json:"refused"` // lines left out
	Done    bool   `json:"done"`    // the file ended here
}

// write is the progress as part of an append. The exact expectation lets only
// one of two imports of the same file go on, and has a repetition recognised
// however late it comes.
func (p importProgress) write(stream string, last firn.Expectation) firn.Write {
	data, err := json.Marshal(p)
	if err != nil {
		panic("firn import: " + err.Error()) // strings and numbers can always be marshalled
	}
	return firn.To(stream, last, firn.Draft{ID: firn.NewID(), Type: importProgressType, Data: data})
}

// begin finds out how far the import has come. Where it never began, it writes
// that down first: a store that refuses this would refuse every line.
func (im *importer) begin() (finished bool, err error) {
	im.last = firn.None
	q := firn.Query{Stream: im.stream, Backwards: true, Limit: 1, Raw: true}
	for e, err := range im.db.Read(im.ctx, q) {
		if errors.Is(err, firn.ErrNotFound) {
			break
		}
		if err == nil {
			err = json.Unmarshal(e.Data, &im.progress)
		}
		if err != nil {
			return false, fmt.Errorf("reading how far the import has come: %w", err)
		}
		im.last = firn.At(e.Revision)
	}
	im.patience.moved()
	if im.again {
		im.progress = importProgress{}
	}
	finished = im.progress.Done
	im.before = im.progress
	if im.last == firn.None || im.again {
		im.progress.File = im.source.file
		err = im.append(nil, 0, false)
	}
	return finished, err
}

// explainConflict puts a lost race into words.
func (im *importer) explainConflict(err error) error {
	var conflict *firn.ConflictError
	if !errors.As(err, &conflict) || conflict.Stream != im.stream {
		return err
	}
	e := conflict.Err()
	e.Message = fmt.Sprintf("another import of the same file (%s) is at work or has gone on since; let it finish, or give this one a --name of its own", im.source.name)
	return e
}
