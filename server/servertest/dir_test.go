package servertest_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firndb/firn/server/servertest"
)

// TestServeIsRefused starts nodes that cannot be. Each ends at once, with its
// exit status and its words, and leaves what it found as it was.
func TestServeIsRefused(t *testing.T) {
	t.Parallel()
	running := servertest.Spawn(t, 1)
	append1(t, running.Dial(), "order-1")
	stopped := servertest.Spawn(t, 1)
	append1(t, stopped.Dial(), "order-1")
	if status, log := stopped.Stop(0); status != 0 {
		t.Fatalf("exit status %d\n%s", status, log)
	}
	strange, foreign, noFormat := copied(t, stopped.Dir(0)), t.TempDir(), copied(t, stopped.Dir(0))
	for _, name := range []string{"firn.json", "firn.json.copy"} {
		write(t, filepath.Join(strange, name), `{"format":99,"id":"n1"}`)
		write(t, filepath.Join(noFormat, name), `{"form`)
	}
	write(t, filepath.Join(foreign, "thesis.doc"), "years of work")
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "no directory")

	const fresh = "fresh"
	for _, c := range []struct {
		name   string
		args   map[string]string
		status int
		words  []string
	}{
		{"a directory in use", map[string]string{"dir": running.Dir(0)}, 5, []string{"in use by another process"}},
		{"an unknown format", map[string]string{"dir": strange}, 1, []string{"format 99", "format 1"}},
		{"an unreadable format", map[string]string{"dir": noFormat}, 7, []string{"firn.json"}},
		{"another node's directory", map[string]string{"dir": stopped.Dir(0), "id": "n2", "bootstrap": ""}, 2, []string{`"n1"`, `"n2"`}},
		{"foreign files", map[string]string{"dir": foreign}, 2, []string{"thesis.doc", "empty directory"}},
		{"a file for a directory", map[string]string{"dir": file}, 1, []string{file}},
		{"neither --bootstrap nor --join", map[string]string{"dir": fresh, "bootstrap": ""}, 2, []string{"--bootstrap n1=", "--join"}},
		{"both --bootstrap and --join", map[string]string{"dir": fresh, "join": "127.0.0.1:1"}, 2, []string{"--bootstrap", "--join"}},
		{"both --bootstrap and --replica", map[string]string{"dir": fresh, "replica": "true"}, 2, []string{"both bootstrap and replica"}},
		{"a bootstrap list without itself", map[string]string{"dir": fresh, "bootstrap": "n2=127.0.0.1:1"}, 2, []string{`"n1"`}},
		{"an address beyond loopback", map[string]string{"dir": fresh, "listen": "192.0.2.1:7400"}, 2, []string{"not loopback", "--insecure"}},
		{"all addresses", map[string]string{"dir": fresh, "listen": "0.0.0.0:7400"}, 2, []string{"--insecure", "advertise"}},
		{"an address that is none", map[string]string{"dir": fresh, "listen": "nonsense"}, 2, []string{"host:port"}},
		{"a client port in use", map[string]string{"dir": fresh, "listen": running.Address(0)}, 5, []string{running.Address(0), "in use"}},
		{"a peer port in use", map[string]string{"dir": fresh, "peer": running.Peer(0), "bootstrap": "n1=" + running.Peer(0)}, 5, []string{running.Peer(0), "in use"}},
		{"an HTTP port in use", map[string]string{"dir": fresh, "http": running.HTTP(0)}, 5, []string{running.HTTP(0), "in use"}},
		{"an id that is none", map[string]string{"dir": fresh, "id": "n 1"}, 2, []string{`"n 1"`}},
		{"no id", map[string]string{"dir": fresh, "id": ""}, 2, []string{"--id"}},
		{"too small a cache", map[string]string{"dir": fresh, "cache": "1MiB"}, 2, []string{"8 MiB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.args["dir"] == fresh {
				c.args["dir"] = filepath.Join(t.TempDir(), fresh)
			}
			peer := servertest.FreeAddress(t)
			flags := map[string]string{"id": "n1", "listen": "127.0.0.1:0", "peer": peer, "bootstrap": "n1=" + peer}
			for name, value := range c.args {
				flags[name] = value
			}
			args := []string{"serve"}
			for name, value := range flags {
				if value != "" {
					args = append(args, "--"+name+"="+value)
				}
			}
			before := listing(t, c.args["dir"])
			servertest.Firn(t, "", args...).Want(t, c.status, c.words...)
			if after := listing(t, c.args["dir"]); before != "" && after != before {
				t.Errorf("the directory is not as it was:\n%s\nwas\n%s", after, before)
			}
		})
	}
}

// TestAStartThatFailedHalfway begins a cluster, which fails at a port in use.
// The directory is then the node's own, and still nothing says where its data
// comes from; once something does, the cluster begins.
func TestAStartThatFailedHalfway(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	peer := busy.Addr().String()
	args := []string{"serve", "--id", "n1", "--dir", t.TempDir(), "--listen", "127.0.0.1:0", "--peer", peer}
	servertest.Firn(t, "", append(args, "--bootstrap", "n1="+peer)...).Want(t, 5, peer)
	busy.Close()
	servertest.Firn(t, "", args...).Want(t, 2, "--bootstrap n1="+peer, "--join")
}

// listing names the files of a directory that no running node changes.
func listing(t *testing.T, dir string) string {
	var names []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.Name() != "LOCK" && e.Name() != "ballast" {
			names = append(names, e.Name())
		}
	}
	return strings.Join(names, "\n")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// copied returns a copy of a stopped node's directory, apart from the ballast.
func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() == "ballast" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || e.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(to, name), 0o700))
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		write(t, filepath.Join(to, name), string(bytes.TrimRight(b, "\x00")))
		return os.Truncate(filepath.Join(to, name), int64(len(b))) // logs are allocated ahead
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}
