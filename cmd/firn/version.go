package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/firndb/firn/server"
)

func newVersionCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Args:  args(),
		RunE:  func(cmd *cobra.Command, _ []string) error { return c.local(cmd, runVersion) },
	}
}

func runVersion(s *session) error {
	return s.print.object(
		str("version", server.Version()), str("commit", commit()), str("go", runtime.Version()),
		str("os", runtime.GOOS), str("arch", runtime.GOARCH),
	)
}

// commit is what the Go tool wrote into the binary, where it was built in a
// checkout; "+changes" where that had changes.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				modified = "+changes"
			}
		}
	}
	return revision + modified
}
