package engine

import (
	"fmt"
	"runtime"
	"time"
)

// letGoMax bounds how long a store that has failed is waited for when it is
// closed, or could not be opened.
const letGoMax = 2 * time.Second

// guard runs a step of opening or closing the store on a goroutine of its own,
// which may end or stand still without harm, and returns what it returns; where
// it does not return, why the store cannot go on. Pebble panics where it cannot
// hand an error on; that ends here.
func (f *failure) guard(step func() error) error {
	done := make(chan error, 1)
	go func() {
		err, returned := error(nil), false
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("engine: pebble: %v", p)
			} else if !returned { // halt has ended it
				err = f.err
			}
			done <- err
		}()
		err = step()
		returned = true
	}()
	select {
	case err := <-done:
		return err
	case <-f.done:
	}
	// The caller may open the directory again at once: let go of it first.
	late := time.NewTimer(letGoMax)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return f.err
	}
}

// halt does not return. While the store is opened it ends the goroutine, which
// lets go of the directory. Later it blocks for ever: ending the goroutine would
// run the deferred calls with which Pebble lets others go on.
func (f *failure) halt() {
	if !f.opened.Load() {
		runtime.Goexit()
	}
	select {}
}

// disk takes an error of the disk over which Pebble would panic.
func (f *failure) disk(err error) {
	f.happen(fmt.Errorf("engine: %w", err))
	f.halt()
}
