package servertest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
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

// AwaitIdle returns once node i's process needs little of the processor, where
// the system says so.
func (p *Processes) AwaitIdle(i int) {
	p.t.Helper()
	const window = 500 * time.Millisecond
	ticks := func() int {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.nodes[i].cmd.Process.Pid))
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 13 {
			return 0
		}
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		return user + system // in hundredths of a second
	}
	for before, deadline := ticks(), time.Now().Add(idleTimeout); ; {
		time.Sleep(window)
		now := ticks()
		if now-before <= 5 {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("node %s is busy for more than %v", id(i), idleTimeout)
		}
		before = now
	}
}

// idleTimeout is longer than anything takes that a test asks for.
const idleTimeout = 3 * time.Minute
