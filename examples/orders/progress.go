package main

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/firndb/firn/client/projection"
)

// progress draws a bar while the tables are behind, if w is a terminal.
func progress(w *os.File) func(projection.Progress) {
	if !term.IsTerminal(int(w.Fd())) {
		return func(projection.Progress) {}
	}
	var bar *progressbar.ProgressBar
	return func(p projection.Progress) {
		switch {
		case p.CaughtUp && bar != nil:
			bar.Finish()
			bar = nil
		case !p.CaughtUp && p.Lag() > 0:
			if bar == nil {
				bar = progressbar.NewOptions64(int64(p.Head),
					progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("orders"), progressbar.OptionShowCount(),
					progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
			}
			bar.ChangeMax64(int64(p.Head))
			bar.Set64(int64(p.Position))
		}
	}
}
