package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firndb/firn/server"
)

// TestBackup takes backups over TCP, restores one, and starts a node with it.
func TestBackup(t *testing.T) {
	o := startNodes(t, 1)
	dir, to := filepath.Join(t.TempDir(), "backups"), filepath.Join(t.TempDir(), "n1")
	o.want(exitNotFound, "holds no backups", "backup", dir, "--list")
	o.want(exitNotFound, "holds no backups", "restore", dir, "--to", to)
	o.want(0, "", "append", "order-1", "--type", "T", "--data", "1")
	o.want(0, `"position":1,`, "backup", dir)
	o.want(0, "", "append", "order-1", "--type", "T", "--data", "2")
	o.want(0, `"position":2,`, "backup", dir, "--rate", "0", "--local")
	o.want(0, "", "append", "order-1", "--type", "T", "--data", "3")
	lines := strings.Split(strings.TrimSpace(o.run("", "backup", dir, "--list").out), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"position":1,`) || !strings.Contains(lines[1], `"position":2,`) || !strings.Contains(lines[1], `"node":"n1"`) {
		t.Fatalf("the backups are\n%s", strings.Join(lines, "\n"))
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(lines[0], `{"backup":"`), `"`)
	o.want(0, `{"ok":true,"backups":2,"faults":[]}`, "backup", dir, "--verify")

	o.want(exitUsage, "without a node", "backup", dir, "--list", "--verify")
	o.want(exitUsage, "without a node", "backup", dir, "--list", "--keep", "3")
	o.want(exitUsage, "keep at least 1", "backup", dir, "--keep", "0")
	o.want(exitUsage, "is no size", "backup", dir, "--rate", "fast")
	o.want(exitUsage, "DIR", "backup")
	o.want(exitUsage, "--to is missing", "restore", dir)
	o.want(exitNotFound, "holds no backup", "restore", dir, "--to", to, "--backup", "yesterday")
	o.want(exitUsage, "overwrites nothing", "restore", dir, "--to", o.configs[0].Dir)
	o.want(exitUsage, "a directory of their own", "backup", o.configs[0].Dir)

	o.want(0, `"dry_run":true`, "restore", dir, "--to", to, "--dry-run")
	if _, err := os.Stat(to); err == nil {
		t.Error("a dry run has made the directory")
	}
	o.want(0, `"position":1,"events":1,`, "restore", dir, "--to", to, "--backup", first)
	o.want(exitUsage, "overwrites nothing", "restore", dir, "--to", to)

	// As of a point in time.
	past := filepath.Join(t.TempDir(), "past")
	o.want(exitNotFound, "of position 2, was taken", "restore", dir, "--to", past, "--at", "3")
	o.want(exitNotFound, "of position 1, was taken", "restore", dir, "--to", past, "--at", "2", "--backup", first)
	o.want(exitNotFound, "before", "restore", dir, "--to", past, "--at", "2020-01-01")
	o.want(exitUsage, "in the future", "restore", dir, "--to", past, "--at", "2999-01-01")
	o.want(exitUsage, "a position or a moment", "restore", dir, "--to", past, "--at", "end")
	o.want(0, "as of @1; consumer groups begin where they stood in backup "+first, "restore", dir, "--to", past, "--at", "1", "--dry-run")
	o.want(0, `"position":1,"events":1,`, "restore", dir, "--to", past, "--at", "1")

	// Its own cluster, which it begins alone.
	places, err := freePlaces(1)
	if err != nil {
		t.Fatal(err)
	}
	config := server.Config{ID: "r1", Dir: to, Listen: places[0], Join: o.addr, Logger: slog.New(slog.DiscardHandler)}
	if _, err := server.Start(config); err == nil || !strings.Contains(err.Error(), "--bootstrap r1="+places[0].Peer) {
		t.Errorf("a restored store that is to join: %v", err)
	}
	config.Join, config.Bootstrap = "", []server.Member{{ID: "r1", Peer: places[0].Peer}}
	for range 2 { // the second start finds nothing special
		n, err := server.Start(config)
		if err != nil {
			t.Fatal(err)
		}
		if err := waitReady(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		restored := &overTCP{t: t, addr: places[0].Client}
		restored.want(0, `"data":1`, "read", "order-1")
		restored.want(exitConflict, `"actual":0`, "append", "order-1", "--type", "T", "--expect", "1", "-o", "json")
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}

	// Damage is found, and named.
	files, err := filepath.Glob(filepath.Join(dir, "files", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 0 {
			b[len(b)/2] ^= 1
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	o.want(exitDamaged, "is damaged", "backup", dir, "--verify")
	o.want(exitDamaged, "is damaged", "restore", dir, "--to", to+"x")
	if left, _ := filepath.Glob(to + "x*"); len(left) > 0 {
		t.Errorf("a restore of damaged files has left %q", left)
	}
	for _, path := range files {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	o.want(0, `"removed":["`+first, "backup", dir, "--keep", "1")
	o.want(0, `{"ok":true,"backups":1,"faults":[]}`, "backup", dir, "--verify")
}
