package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/firndb/firn"
)

const (
	demoMeter    = "meter-1"
	demoReadings = 20_000
	demoTail     = 10 // readings behind the snapshot
)

// snapshot loads a long stream from its events alone, and from a snapshot and
// the events behind it.
func (d *demo) snapshot() ([]string, error) {
	db, ok := d.db.(firn.Snapshots)
	if !ok {
		return nil, fmt.Errorf("%T keeps no snapshots", d.db)
	}
	if err := d.meter(0, demoReadings); err != nil {
		return nil, err
	}
	q := firn.LoadQuery{Stream: demoMeter, Fold: "demo.sum", Version: firn.FoldVersion{1}}
	sum, _, loaded, err := d.sum(db, q)
	if err != nil {
		return nil, err
	}
	err = db.SaveSnapshot(d.ctx, firn.Snapshot{
		Stream: q.Stream, Fold: q.Fold, Version: loaded.Version, Revision: loaded.Revision, State: strconv.AppendInt(nil, sum, 10),
	})
	if err != nil {
		return nil, err
	}
	if err := d.meter(demoReadings, demoTail); err != nil {
		return nil, err
	}
	var lines []string
	var sums [2]int64
	for i, with := range []struct {
		words   string
		version byte // under 2 there is no snapshot
		events  int
	}{{"from its events alone", 2, demoReadings + demoTail}, {"from the snapshot and what is behind it", 1, demoTail}} {
		q.Version = firn.FoldVersion{with.version}
		began := time.Now()
		sum, events, _, err := d.sum(db, q)
		if err != nil {
			return lines, err
		}
		took := time.Since(began)
		if events != with.events {
			return lines, fmt.Errorf("%s: %d events came, not %d", with.words, events, with.events)
		}
		sums[i] = sum
		lines = append(lines, fmt.Sprintf("%s: %d events, %.1f ms, sum %d", with.words, events, float64(took.Microseconds())/1e3, sum))
	}
	if sums[0] != sums[1] {
		return lines, fmt.Errorf("a snapshot must change nothing but the time")
	}
	return lines, nil
}

// meter appends readings, many in one step.
func (d *demo) meter(from, n int) error {
	for at := from; at < from+n; {
		var drafts []firn.Draft
		for ; at < from+n && len(drafts) < 4000; at++ {
			drafts = append(drafts, firn.Draft{Type: "Read", Data: fmt.Appendf(nil, `{"wh":%d}`, at%997)})
		}
		if _, err := d.db.Append(d.ctx, firn.To(demoMeter, firn.Any, drafts...)); err != nil {
			return err
		}
	}
	return nil
}

// sum loads the stream and adds its readings up.
func (d *demo) sum(db firn.Snapshots, q firn.LoadQuery) (sum int64, events int, loaded firn.Loaded, err error) {
	if loaded, err = db.Load(d.ctx, q); err != nil {
		return 0, 0, loaded, err
	}
	if s := loaded.Snapshot; s != nil {
		if sum, err = strconv.ParseInt(string(s.State), 10, 64); err != nil {
			return 0, 0, loaded, err
		}
	}
	for e, err := range loaded.Events {
		if err != nil {
			return sum, events, loaded, err
		}
		var reading struct{ Wh int64 }
		if err := json.Unmarshal(e.Data, &reading); err != nil {
			return sum, events, loaded, err
		}
		sum += reading.Wh
		events++
	}
	return sum, events, loaded, nil
}
