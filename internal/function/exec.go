package function

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/firndb/firn"
	"github.com/firndb/firn/client"
	"github.com/firndb/firn/internal/eventjson"
	"github.com/firndb/firn/internal/jsonline"
)

// Exec runs a command for each event. Its standard input is the event as JSON
// on one line; exit status 0 acknowledges it. What it prints is passed on line
// by line, so that those of commands that run at the same time do not mix.
type Exec struct {
	Group   string
	Command string // for the shell
	Stdout  io.Writer
	Stderr  io.Writer

	mu sync.Mutex // held while a line is written
}

// pipesPause is how long a command's output is waited for that was left to a
// process in the background.
const pipesPause = time.Second

// The exit statuses of a shell that could not run a command. No event is to
// blame for that.
const (
	notExecutable = 126
	notFound      = 127
)

// Handle runs the command. When ctx ends, which is when the delivery's lease
// does, the command is killed with all processes of its group.
func (x *Exec) Handle(ctx context.Context, d firn.Delivery) error {
	cmd := shell(ctx, x.Command)
	cmd.Env = append(os.Environ(), environment(x.Group, &d)...)
	var event jsonline.Object
	eventjson.Event(&event, &d.Event)
	cmd.Stdin = bytes.NewReader(append(event.Bytes(), '\n'))
	out := &lines{to: x.Stdout, mu: &x.mu}
	errs := &lines{to: x.Stderr, mu: &x.mu}
	cmd.Stdout, cmd.Stderr = out, errs
	cmd.WaitDelay = pipesPause
	if err := cmd.Start(); err != nil {
		return client.Stop(fmt.Errorf("the command cannot be run: %w", err))
	}
	began := time.Now()
	err := cmd.Wait()
	if lost := errors.Join(out.end(), errs.end()); lost != nil {
		return client.Stop(lost) // nobody reads what is printed any more
	}
	if err == nil || errors.Is(err, exec.ErrWaitDelay) { // which is not returned for a command that has failed
		return nil
	}
	said := errs.last
	if code := cmd.ProcessState.ExitCode(); code == notExecutable || code == notFound {
		return client.Stop(fmt.Errorf("the command cannot be run: %s", cmp.Or(said, err.Error())))
	}
	if ctx.Err() != nil {
		killed := fmt.Errorf("killed after %v, since the lease ends", time.Since(began).Round(time.Millisecond))
		if said == "" {
			return killed
		}
		return fmt.Errorf("%w; last it said: %s", killed, said)
	}
	return errors.New(cmp.Or(said, err.Error()))
}

// environment is what a command is told beside the event.
func environment(group string, d *firn.Delivery) []string {
	return []string{
		"FIRN_GROUP=" + group,
		"FIRN_STREAM=" + d.Event.Stream,
		"FIRN_REVISION=" + strconv.FormatUint(uint64(d.Event.Revision), 10),
		"FIRN_POSITION=" + strconv.FormatUint(uint64(d.Event.Position), 10),
		"FIRN_TYPE=" + d.Event.Type,
		"FIRN_ID=" + d.Event.ID.String(),
		"FIRN_ATTEMPT=" + strconv.FormatUint(uint64(d.Attempt), 10),
		"FIRN_REPLAY=" + strconv.FormatBool(d.Replay),
	}
}
