package group_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/firndb/firn/engine/command"
)

// A checker counts only when it is shown to catch planted bugs. Each of these
// spoils what a coordinator says, as a coordinator with that bug would; over a
// few seeds, the ledger must find each.
func TestLedgerCatchesPlantedBugs(t *testing.T) {
	spoil := func(spoil func(d *drive, s *command.Settle)) func(*drive) {
		return func(d *drive) {
			d.fault = func(s *command.Settle) stepFault {
				spoil(d, s)
				s.Counts = d.s.AsidesAfter(s)
				return stepFault{}
			}
		}
	}
	drop := func(state command.AsideState) func(*drive) {
		return spoil(func(_ *drive, s *command.Settle) {
			s.Added = slices.DeleteFunc(s.Added, func(a command.Aside) bool { return a.State == state && a.Attempts > 0 })
		})
	}
	for name, plant := range map[string]func(*drive){
		"the floor moves past a parked event":               drop(command.AsideParked),
		"the floor moves past a retry":                      drop(command.AsideDue),
		"what is in flight is forgotten by the next leader": spoil(func(_ *drive, s *command.Settle) { s.Open = nil }),
		"the checkpoint is the head": spoil(func(d *drive, s *command.Settle) {
			s.Through, _ = d.s.Engine().Head()
		}),
		"attempts are not kept": spoil(func(_ *drive, s *command.Settle) {
			for i := range s.Added {
				if a := &s.Added[i]; a.State == command.AsideDue {
					a.Attempts = 0
				}
			}
		}),
		"a stream catches up from one event too far on": spoil(func(_ *drive, s *command.Settle) {
			for i := range s.Added {
				if a := &s.Added[i]; a.Holds && a.State == command.AsideDue {
					a.Revision++
				}
			}
		}),
		"a retry does not hold its stream": spoil(func(_ *drive, s *command.Settle) {
			for i := range s.Added {
				if a := &s.Added[i]; a.State == command.AsideDue {
					a.Holds = false
				}
			}
		}),
		"a token is not looked at": func(d *drive) { d.anyToken = true },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(12) {
				caught := ""
				synctest.Test(t, func(t *testing.T) {
					if l := runDrive(t, seed, drivenGroup, plant); len(l.faults) > 0 {
						caught = l.faults[0]
					}
				})
				if caught != "" {
					t.Log(caught)
					return
				}
			}
			t.Error("the ledger has found nothing wrong")
		})
	}
}
