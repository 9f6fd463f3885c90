package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress returns a function that shows how far something has come, on a
// terminal only. moved is called each time.
func (s *session) progress(what string, moved func()) func(done, total uint64) {
	if !s.terminalErr {
		return func(uint64, uint64) { moved() }
	}
	var bar *progressbar.ProgressBar
	return func(done, total uint64) {
		moved()
		if bar == nil {
			bar = newBar(s.err, what, int64(total))
		}
		bar.ChangeMax64(int64(total))
		bar.Set64(int64(done))
	}
}

// newBar draws on w; max below 0 is a size not known. The caller knows that w
// is a terminal.
func newBar(w io.Writer, what string, max int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(max,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetWidth(30),
	)
}
