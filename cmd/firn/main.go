// Command firn is the event-sourcing database Firn on the command line: it
// runs nodes, and reads and writes a store.
//
// What scripts may rely on (exit statuses, the JSON that is printed, how points
// in time are written) is in docs/cli.md.
//
// One subcommand is one file: its options, its flags, and a run function that
// takes a [session], which holds the store and the writers.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	// A closed pipe is then an error of the write, which ends the command
	// quietly, instead of a signal that kills it. It is not ignored: commands
	// that are run for events would inherit that.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	status := run(ctx, os.Args[1:], newConsole())
	stop()
	os.Exit(status)
}

// run executes one command line and returns the exit status.
func run(ctx context.Context, args []string, c *console) int {
	root := newRootCommand(c)
	root.SetArgs(args)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return flagError(cmd, err, args) })
	return c.finish(root.ExecuteContext(ctx), args)
}

func newRootCommand(c *console) *cobra.Command {
	root := newGroupCommand("firn", "An event-sourcing database")
	root.Long = rootHelp
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	c.globalFlags(root)
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Run a store:", []*cobra.Command{newDemoCommand(c), newUpCommand(c), newServeCommand(c)}},
		{"Write and read:", []*cobra.Command{newAppendCommand(c), newReadCommand(c), newTraceCommand(c), newSubscribeCommand(c), newStreamsCommand(c), newStatsCommand(c)}},
		{"Time travel:", []*cobra.Command{newLogCommand(c), newStateCommand(c), newDiffCommand(c), newBlameCommand(c), newBisectCommand(c)}},
		{"A stream's life:", []*cobra.Command{newDeleteCommand(c), newTruncateCommand(c), newMetadataCommand(c)}},
		{"Consumers:", []*cobra.Command{newConsumerGroupCommand(c), newConsumeCommand(c), newWaitCommand(c)}},
		{"Declared programs:", []*cobra.Command{newFoldCommand(c), newUpcasterCommand(c)}},
		{"Files:", []*cobra.Command{newImportCommand(c), newExportCommand(c)}},
		{"Backups:", []*cobra.Command{newBackupCommand(c), newRestoreCommand(c)}},
		{"Care:", []*cobra.Command{newClusterCommand(c), newUserCommand(c), newCertCommand(c), newVerifyCommand(c), newDumpCommand(c), newScavengeCommand(c), newBenchCommand(c, c.startForBench), newVersionCommand(c)}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, cmd := range group.commands {
			cmd.GroupID = group.title
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID("Care:")
	root.SetCompletionCommandGroupID("Care:")
	root.InitDefaultCompletionCmd()
	eachCommand(root, func(cmd *cobra.Command) { cmd.DisableFlagsInUseLine = true })
	return root
}

// eachCommand visits a command and all below it.
func eachCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		eachCommand(sub, visit)
	}
}

const rootHelp = `Firn is an event-sourcing database: streams of events, appended under
expectations, read as of any point in time.

Points in time (--from, --at) are inclusive: 5 is a revision of a stream, or a
position where several streams are read; @120 is always a position; start and
end; a moment like 2026-03-01T14:32:07Z, or 2026-03-01 for its start in UTC; 2h,
2h30m or 3d is so long ago.

Exit status: 0 done; 1 other; 2 bad input; 3 conflict; 4 not found; 5 unavailable,
nothing was done; 6 unknown, it may have been done; 7 damage found; 8 not allowed.`
