//go:build unix

package function

import (
	"context"
	"os/exec"
	"syscall"
)

// shell makes a command for the shell, in a process group of its own: a signal
// from the terminal is not for it, and it is killed whole when ctx ends.
func shell(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}
