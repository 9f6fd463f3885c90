package main

import (
	"errors"
	"os"
	"time"

	"github.com/firndb/firn/bench"
)

// benchReport is the page of a run, which is written at its end, with what there
// is where the run is cut off.
type benchReport struct {
	file *os.File // nil: none is wanted
	bench.Report
}

// newBenchReport makes the file, so that one which cannot be written is told
// before anything is measured.
func newBenchReport(path string) (*benchReport, error) {
	r := &benchReport{Report: bench.Report{Command: commandLine(os.Args[1:]), Began: time.Now(), Machine: bench.ThisMachine()}}
	if path == "" {
		return r, nil
	}
	var err error
	r.file, err = os.Create(path)
	return r, err
}

func (r *benchReport) add(one bench.Result) { r.Results = append(r.Results, one) }

func (r *benchReport) close() error {
	if r.file == nil {
		return nil
	}
	return errors.Join(r.WriteHTML(r.file), r.file.Close())
}
