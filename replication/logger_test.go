package replication

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Raft's messages arrive with their values, and none is repeated all the time.
func TestLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := newLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})))
		for range 100 {
			l.Error("failed to heartbeat to", "peer", "n2:7410", "error", "refused")
			l.Info("a step of Raft's")
			time.Sleep(50 * time.Millisecond)
		}
		l.Error("failed to heartbeat to", "peer", "n3:7410", "error", "refused")
		l.With("part", "raft").Warn("servers", "list", hclog.Fmt("%d of %d", 2, 3))
		time.Sleep(10 * time.Second)
		l.Error("failed to heartbeat to", "peer", "n2:7410", "error", "refused")
		want := `level=WARN msg="failed to heartbeat to" peer=n2:7410 error=refused
level=WARN msg="failed to heartbeat to" peer=n3:7410 error=refused
level=INFO msg=servers part=raft list="2 of 3"
level=WARN msg="failed to heartbeat to" peer=n2:7410 error=refused
`
		if got := out.String(); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}
