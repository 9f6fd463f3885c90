//go:build !unix

package function

import (
	"context"
	"os/exec"
)

// shell makes a command for the shell, which is killed when ctx ends.
func shell(ctx context.Context, command string) *exec.Cmd {
	return exec.CommandContext(ctx, "cmd", "/C", command)
}
