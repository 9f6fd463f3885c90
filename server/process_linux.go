package server

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// readProcessUse asks the kernel (getrusage(2), proc_pid_statm(5)).
func readProcessUse() (use processUse, ok bool) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return use, false
	}
	use.cpu = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return use, false
	}
	var total, resident uint64 // pages
	if _, err := fmt.Sscan(string(statm), &total, &resident); err != nil {
		return use, false
	}
	use.memory = resident * uint64(os.Getpagesize())
	return use, true
}
