package bench

import (
	"runtime"
	"runtime/debug"
)

// Machine is where the benchmarks ran, as far as it is known. It is the clients'
// machine; the nodes' where they run beside them.
type Machine struct {
	OS     string // with its version, where it is known
	CPU    string // the processor's name, "" where it is not known
	Cores  int
	Go     string // version
	Module string // version of Firn, "" where the program does not say
	Dirty  bool   // it was built from a commit with changes that are not in it
}

// ThisMachine describes the machine on which the program runs.
func ThisMachine() Machine {
	m := Machine{OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version()}
	if kernel, cpu := describe(); kernel != "" {
		m.OS, m.CPU = kernel, cpu
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		m.Module = info.Main.Version
		for _, s := range info.Settings {
			m.Dirty = m.Dirty || s.Key == "vcs.modified" && s.Value == "true"
		}
	}
	return m
}
