package bench

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// describe names the kernel and the processor.
func describe() (kernel, cpu string) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", ""
	}
	kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:]) + " " + unix.ByteSliceToString(u.Machine[:])
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return kernel, ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return kernel, strings.TrimSpace(value)
		}
	}
	return kernel, ""
}
