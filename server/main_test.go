package server_test

import (
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/firndb/firn/server"
	"github.com/firndb/firn/server/servertest"
)

func TestMain(m *testing.M) { servertest.MainWith(m, startHangable) }

// The signals that make a node's process hang. Nothing ends it but the process's
// own watchdog.
const (
	hangDisk  = syscall.SIGUSR1 // whoever writes or syncs a file of the Raft log does not come back
	hangApply = syscall.SIGUSR2 // whoever applies entries does not come back
)

// startHangable starts a node whose disk and whose apply can be made to hang.
func startHangable(c server.Config) (*server.Node, error) {
	var disk, apply hang
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, hangDisk, hangApply)
	go func() {
		for s := range signals {
			if s == hangDisk {
				disk.begun.Store(true)
			} else {
				apply.begun.Store(true)
			}
		}
	}()
	raft := string(filepath.Separator) + "raft" + string(filepath.Separator)
	fs := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && strings.Contains(op.Path, raft) {
			disk.pass(c.Logger)
		}
		return nil
	}))
	return server.StartIn(c, server.Surroundings{FS: fs, BeforeApply: func() { apply.pass(c.Logger) }})
}

// hang keeps whoever passes once it has begun.
type hang struct{ begun, struck atomic.Bool }

func (h *hang) pass(log *slog.Logger) {
	if !h.begun.Load() {
		return
	}
	if !h.struck.Swap(true) {
		log.Warn(hangStruck)
	}
	select {}
}

// hangStruck is what a node says when the first one hangs.
const hangStruck = "injected: this does not come back"
