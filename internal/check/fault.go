package check

import (
	"errors"
	"fmt"
)

// Fault is one thing that a history shows and that must not happen.
type Fault struct {
	Check string // which promise is broken
	Text  string
}

func (f *Fault) Error() string { return f.Check + ": " + f.Text }

// Broken returns which promises an error of this package says are broken, in
// the order in which they were found.
func Broken(err error) []string {
	var all []string
	for _, one := range unwrap(err) {
		var fault *Fault
		if errors.As(one, &fault) {
			all = append(all, fault.Check)
		}
	}
	return all
}

func unwrap(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// faults are kept in order, and not more than one can read.
type faults struct {
	all  []error
	more int
}

const faultsShown = 20

func (f *faults) add(check, text string, args ...any) {
	if len(f.all) == faultsShown {
		f.more++
		return
	}
	f.all = append(f.all, &Fault{check, fmt.Sprintf(text, args...)})
}

// join takes over what another check has found.
func (f *faults) join(err error) {
	if err == nil {
		return
	}
	for _, one := range unwrap(err) {
		if len(f.all) == faultsShown {
			f.more++
			continue
		}
		f.all = append(f.all, one)
	}
}

func (f *faults) err() error {
	if f.more > 0 {
		return errors.Join(append(f.all, fmt.Errorf("and %d more", f.more))...)
	}
	return errors.Join(f.all...)
}
