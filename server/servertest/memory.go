package servertest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Memory is what a process holds of the machine's memory, in bytes. Both are 0
// where the system has no /proc.
type Memory struct{ Now, Peak uint64 }

func (m Memory) String() string { return fmt.Sprintf("%d MiB (peak %d MiB)", m.Now>>20, m.Peak>>20) }

// Memory returns what node i holds, and the most that it ever held.
func (p *Processes) Memory(i int) (m Memory) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.nodes[i].cmd.Process.Pid))
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			m.Now = kib << 10
		case "VmHWM":
			m.Peak = kib << 10
		}
	}
	return m
}
